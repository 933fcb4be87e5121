"""Who we are and how we are doing."""
