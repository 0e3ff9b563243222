"""Tables of the ``pixel`` view, a file a game; ``tables_pixel.py`` gathers them."""
