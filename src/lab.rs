//! What the user is working on: state and commands. The window draws it, tests drive it.
