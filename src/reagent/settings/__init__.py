"""What we were told: flags, device file, paths, build stamp."""
