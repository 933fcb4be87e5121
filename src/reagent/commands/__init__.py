"""What a person types on a device."""
