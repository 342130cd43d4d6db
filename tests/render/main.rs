//! What the renderers print is what other programs take, and it means the same to them.

#[path = "../support/captures.rs"]
mod captures;
mod nft;
mod program;
