"""Ways to judge rows and to leave some out. Each public generator function is one step."""
