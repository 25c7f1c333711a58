"""The landing zone: raw bytes as received, a lossless all-text copy, a receipt. See :mod:`vertebra.landing.collect`."""
