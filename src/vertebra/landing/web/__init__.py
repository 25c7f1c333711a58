"""Asking sources on the web: politely, within bounds, and without believing every answer."""
