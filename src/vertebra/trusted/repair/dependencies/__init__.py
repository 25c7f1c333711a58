"""Repair of functional dependencies, all of a table together.

The rules with one determinant share its ``groups``, whose tuples vote (``votes``) with what is known of them
(``evidence``, ``standing``). A tuple that its group contradicts in most attributes stands in the wrong group
(``relocate``); otherwise its cells get the values of the group (``proposals``), unless what they determine speaks
against it (``fit``). ``rounds`` repeats this until nothing follows.
"""
