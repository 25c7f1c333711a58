"""The kinds of rules that discovery proposes, one module each; see ``vertebra.trusted.discover.kind``."""
