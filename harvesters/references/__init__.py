"""Reference data: ontologies, and what else the hub looks up and no archive owns.

:mod:`harvesters.references.contract` tells how to add a kind.
"""
