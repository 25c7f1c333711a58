"""Publishing: sends tables of the lake to targets outside it, so that a reader sees the old content or the new."""
