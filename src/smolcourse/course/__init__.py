"""The course engine: lessons, exercises, checker, progress, quiz. It knows nothing of any one module's content."""
