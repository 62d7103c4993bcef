//! What goes wrong outside, or comes in wrong: each ends in a sentence that says what to do, and leaves nothing behind.

#[path = "fixture/house/mod.rs"]
mod house;
#[path = "fixture/sshd.rs"]
mod sshd;

#[path = "trouble/clients.rs"]
mod clients;
#[path = "trouble/hosts.rs"]
mod hosts;
#[path = "trouble/input.rs"]
mod input;
#[path = "trouble/stopping.rs"]
mod stopping;
#[path = "trouble/trust.rs"]
mod trust;

use drydock::api::types::LeaseDetailView;
use drydock_core::model::status::LeaseStatus;
use house::House;
use house::client::Client;

impl Client {
    /// A host for this owner, as soon as it is active.
    async fn host(&self, owner: &str) -> LeaseDetailView {
        let lease = self.ask_for_host(owner).await.id;
        self.until_active(&lease).await
    }

    async fn until_active(&self, lease: &str) -> LeaseDetailView {
        self.until(lease, "it is active", |detail| detail.lease.status == LeaseStatus::Active).await
    }

    /// Over, and nothing of it has to be done any more.
    async fn until_over(&self, lease: &str) -> LeaseDetailView {
        self.until(lease, "it is over", |detail| detail.lease.status == LeaseStatus::Destroyed).await
    }
}

impl House {
    /// Every rule holds, and no host has anything of anybody.
    async fn assert_clean(&self) {
        self.client().assert_sound().await;
        assert_eq!(self.left(), [] as [std::path::PathBuf; 0]);
    }
}

/// The lease's own directory.
fn directory(detail: &LeaseDetailView) -> std::path::PathBuf {
    let handout = detail.lease.handout.as_ref().expect("an active lease hands something out");
    handout.directory.as_ref().expect("a host with a path gives a directory").into()
}
