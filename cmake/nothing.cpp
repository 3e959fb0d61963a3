// The source of targets that only own a precompiled header.
