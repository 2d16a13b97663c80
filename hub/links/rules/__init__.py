"""Link rules, one module each with its ``RULE``; the module's name is the rule's, with ``_`` for ``-``."""
