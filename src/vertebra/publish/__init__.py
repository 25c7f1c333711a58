"""Publishing: sends tables of the lake to targets outside it; readers see either the old content or the new."""
