//! Projects: what is worked on, for clients or for oneself, with statuses, labels and members of their own.
