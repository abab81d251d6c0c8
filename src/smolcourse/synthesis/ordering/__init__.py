"""Orders of the built-in task without a human-written training row: rules of the language, the menu, and a few seeds."""
