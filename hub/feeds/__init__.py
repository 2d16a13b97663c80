"""The log as others read it: feeds in the forms that harvesters, linked-data clients and peers know."""
