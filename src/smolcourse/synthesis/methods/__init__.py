"""Ways to make rows. Each module is one method, with its paper; each public generator function is one step."""
