"""smolcourse: a course on training small language models, and the toolkit it teaches."""

__version__ = "0.1.0"
