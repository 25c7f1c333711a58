"""The built-in publish targets, one module each; :data:`vertebra.declare.publication.TARGETS` is their registry."""
