//! Nothing of its own: what is misused is in `ui`.
