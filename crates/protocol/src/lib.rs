//! What scheduler, executor and file server say to each other.
