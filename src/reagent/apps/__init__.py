"""An app's life on this device."""
