"""Programs that are run as references. They do one thing, the way its library's manual shows it."""
