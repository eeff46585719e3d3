"""The HTML, the style and the scripts of the page of the service."""
