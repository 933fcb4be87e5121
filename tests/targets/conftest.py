"""The sandbox's own way to run other processors' executables, and the page about them."""
