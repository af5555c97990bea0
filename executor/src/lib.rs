//! Runs on the agents: downloads, processes and uploads images.
