//! A node's parts and how they are wired: everything that changes goes through the committer, everything that has
//! changed comes back as a note to the hub.

use super::api::{AskError, Obstacle, Unwritten};
use super::committer::{self, Answer, Offered};
use super::farm::{Farm, InForce};
use super::holds::{self, Holds};
use super::hub::{self, Message};
use super::news::News;
use super::{health, heart, history, inventory, matcher, revision, sweep};
use crate::env::{Env, Point, Verdict, What};
use crate::model::proposal::{Change, Lost, Outcome, Proposal};
use crate::model::protection::Protections;
use crate::store::{Store, StoreError, Touched};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::{Notify, broadcast, mpsc, oneshot, watch};

/// One running daemon's engine.
pub struct Node {
    pub(crate) env: Arc<dyn Env>,
    pub(crate) store: Arc<Store>,
    farm: Mutex<Arc<InForce>>,
    /// Held while a revision of the configuration takes effect.
    pub(super) configuring: tokio::sync::Mutex<()>,
    /// The store has a newer revision than this node.
    pub(super) newer: Notify,
    /// Another configuration is in force here.
    pub(super) reconfigured: watch::Sender<u64>,
    /// Types whose matchers run.
    matched: Mutex<BTreeSet<String>>,
    pub(crate) protections: Protections,
    /// Of this run; a node that comes back is another one.
    pub id: String,
    pub name: String,
    next_commit: AtomicU64,
    offers: mpsc::UnboundedSender<Offered>,
    pub(crate) hub: mpsc::UnboundedSender<Message>,
    changes: watch::Sender<u64>,
    pub(crate) holds: Arc<Holds>,
    /// Nobody may be listening.
    touched: broadcast::Sender<Left>,
    /// By pool and class: what the last plan says they wait for.
    pub(crate) waits: Mutex<BTreeMap<String, BTreeMap<String, Vec<Obstacle>>>>,
    /// By pool: the types of the matchers that plan for it, too, for the sake of sets.
    followed: Mutex<BTreeMap<String, BTreeSet<String>>>,
    /// Answers to `consider`, by revision and class.
    pub(crate) considered: Mutex<BTreeMap<(u64, String), super::client::Answers>>,
    /// No new acting calls: the node could not count up for too long, or it is stopping.
    pub(crate) paused: AtomicBool,
    pub(crate) stopping: AtomicBool,
    /// Deciding and acting calls made.
    pub(crate) calls: AtomicU64,
    /// What the safety sweep has found.
    pub(crate) swept: AtomicU64,
    /// While the store takes no commits.
    pub(super) unwritten: Mutex<Option<Unwritten>>,
    /// When this node last counted up.
    pub(crate) beaten: AtomicI64,
    /// Milliseconds without counting up after which a node is seen dead.
    pub(crate) dead_after: i64,
}

/// What a group of commits has left.
#[derive(Clone, Debug)]
pub struct Left {
    pub touched: Arc<Touched>,
    /// It was a group of this node. Its rows come in the order of its commits; those of other nodes only hint.
    pub here: bool,
}

/// How many groups those who listen may be behind.
const LEFT: usize = 64;

/// How a node is started.
pub struct Start {
    pub env: Arc<dyn Env>,
    pub store: Arc<Store>,
    pub farm: Farm,
    pub name: String,
    pub protections: Protections,
    /// Nobody else can have the store open, so every other node is dead.
    pub alone: bool,
    /// Whether the safety sweep runs; off in the simulator, which has to find what it would hide.
    pub sweeps: bool,
    /// How long a client of a tied lease that was never connected to this node is waited for. Milliseconds.
    pub hold_grace: i64,
    /// How long what has ended is kept, in milliseconds; none: nothing is pruned.
    pub keep_finished: Option<i64>,
    /// A node that has not counted up for so long is seen dead; the same on every node. Milliseconds.
    pub dead_after: i64,
}

impl Node {
    /// Joins, applies the configuration, takes over what dead nodes had claimed, and looks at everything once.
    pub async fn start(start: Start) -> Result<Arc<Node>, AskError> {
        let Start { env, store, farm, name, protections, alone, sweeps, hold_grace, keep_finished, dead_after } = start;
        let io = env.io().await;
        let installation = store.setting("installation", &format!("d-{}", name_id(env.random()))).await?;
        let id = format!("n-{}", name_id(env.random()));
        let farm = match alone {
            true => revision::make(&store, farm, installation, env.now(), None).await?,
            false => revision::first(&store, farm, installation, env.now()).await?,
        };
        drop(io);
        let (offers, offered) = mpsc::unbounded_channel();
        let (hub, messages) = mpsc::unbounded_channel();
        let now = env.now();
        let holds = Holds::new(Arc::clone(&env), hold_grace);
        let node = Arc::new(Node {
            env,
            store,
            farm: Mutex::new(Arc::new(farm)),
            configuring: tokio::sync::Mutex::default(),
            newer: Notify::new(),
            reconfigured: watch::Sender::new(0),
            matched: Mutex::default(),
            protections,
            id,
            name: name.clone(),
            next_commit: AtomicU64::new(0),
            offers,
            hub,
            changes: watch::Sender::new(0),
            holds,
            touched: broadcast::Sender::new(LEFT),
            waits: Mutex::default(),
            followed: Mutex::default(),
            considered: Mutex::default(),
            paused: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            calls: AtomicU64::new(0),
            swept: AtomicU64::new(0),
            unwritten: Mutex::default(),
            beaten: AtomicI64::new(now),
            dead_after,
        });
        node.spawn("committer", committer::run(Arc::clone(&node), offered));
        node.commit(Change::Join { name }).await;
        let kinds = match node.announce(&node.farm()).await {
            // It was seen dead before it was up, and is to be replaced like any other.
            Err(_) if node.is_stopping() => BTreeSet::new(),
            announced => announced?,
        };
        node.spawn("hub", hub::run(Arc::clone(&node), messages));
        node.spawn("holds", holds::run(Arc::clone(&node)));
        node.match_kinds(kinds);
        if alone {
            heart::bury_others(&node).await?;
        }
        heart::take_over(&node).await?;
        node.spawn("heart", heart::run(Arc::clone(&node)));
        node.spawn("health", health::run(Arc::clone(&node)));
        node.spawn("inventory", inventory::run(Arc::clone(&node)));
        node.spawn("revisions", revision::run(Arc::clone(&node)));
        if sweeps {
            node.spawn("sweep", sweep::run(Arc::clone(&node)));
        }
        if let Some(keep) = keep_finished {
            node.spawn("history", history::run(Arc::clone(&node), keep));
        }
        Ok(node)
    }

    /// Starts the matchers that do not run yet.
    pub(super) fn match_kinds(self: &Arc<Self>, kinds: BTreeSet<String>) {
        for kind in kinds {
            if !lock(&self.matched).insert(kind.clone()) {
                continue;
            }
            let news = watch::Sender::new(News::default());
            let told = news.subscribe();
            let _ = self.hub.send(Message::Matcher { kind: kind.clone(), news });
            self.spawn("matcher", matcher::run(Arc::clone(self), kind, told));
        }
    }

    pub(crate) fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.env.spawn(name, Box::pin(task));
    }

    /// Offers a change to the group committer and waits until the store says what became of it. Dropping the future does
    /// not take the change back.
    pub async fn commit(&self, change: Change) -> Outcome {
        self.commit_for_rows(change).await.0
    }

    /// The same, with the rows that the group has left, so that they need not be read again.
    pub(crate) async fn commit_for_rows(&self, change: Change) -> Answer {
        let proposal = self.proposal(change);
        let (answer, outcome) = oneshot::channel();
        let gone = || (Outcome::Unknown("the node is stopping".to_owned()), Arc::default());
        if self.offers.send(Offered { proposal, answer }).is_err() {
            return gone();
        }
        outcome.await.unwrap_or_else(|_| gone())
    }

    /// A change of this node, under an id of its own.
    pub(super) fn proposal(&self, change: Change) -> Proposal {
        let n = self.next_commit.fetch_add(1, Ordering::Relaxed);
        Proposal { id: format!("{}.{n}", self.id), node: self.id.clone(), change }
    }

    /// A read, at a point of its own.
    pub(crate) async fn read<T>(
        &self,
        note: &str,
        read: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let point = |after| Point { what: What::Look, note: note.to_owned(), after };
        if self.env.point(point(false)).await == Verdict::Fail {
            return Err(StoreError::Unknown("the connection was lost".to_owned()));
        }
        let io = self.env.io().await;
        let result = read.await;
        drop(io);
        result
    }

    /// From now on the matcher of a type looks again when there is news of these pools, and of no others.
    pub(crate) fn follow(&self, matcher: &str, pools: &BTreeSet<String>) {
        let mut followed = lock(&self.followed);
        followed.retain(|pool, matchers| {
            if !pools.contains(pool) {
                matchers.remove(matcher);
            }
            !matchers.is_empty()
        });
        for pool in pools {
            followed.entry(pool.clone()).or_default().insert(matcher.to_owned());
        }
    }

    /// The matchers that plan for a pool beside its own.
    pub(crate) fn followers(&self, pool: &str) -> Vec<String> {
        lock(&self.followed).get(pool).into_iter().flatten().cloned().collect()
    }

    /// What a group has left, to those who act on it.
    pub(crate) fn note(&self, touched: Arc<Touched>) {
        let _ = self.hub.send(Message::Touched(Arc::clone(&touched)));
        let _ = self.touched.send(Left { touched, here: true });
    }

    /// Every pool is looked at once, whatever its news.
    pub(crate) fn look_at_all(&self) {
        let _ = self.hub.send(Message::LookAtAll);
        let anything = Touched { anything: true, ..Touched::default() };
        let _ = self.touched.send(Left { touched: Arc::new(anything), here: false });
    }

    /// What another node's group has left.
    pub fn told(&self, touched: Arc<Touched>) {
        let _ = self.hub.send(Message::Told(Arc::clone(&touched)));
        let _ = self.touched.send(Left { touched, here: false });
        self.changed();
    }

    pub(crate) fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    /// Counts up with every group of commits, and when what leases wait for is another, so that a reader can wait for news
    /// instead of polling.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// What each group of commits leaves from now on, here and on other nodes.
    pub fn listen(&self) -> broadcast::Receiver<Left> {
        self.touched.subscribe()
    }

    /// Deciding and acting calls made so far.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Whether the store takes no commits at the moment.
    pub fn unwritten(&self) -> Option<Unwritten> {
        lock(&self.unwritten).clone()
    }

    /// How much the safety sweep has found; anything above 0 is a bug.
    pub fn swept(&self) -> u64 {
        self.swept.load(Ordering::Relaxed)
    }

    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// What is in force now. Whatever is under way goes on with what it began with.
    pub fn farm(&self) -> Arc<InForce> {
        Arc::clone(&lock(&self.farm))
    }

    /// What was answered under another revision is not asked for any more.
    pub(super) fn set_farm(&self, farm: InForce) {
        *lock(&self.farm) = Arc::new(farm);
        self.reconfigured.send_modify(|count| *count += 1);
        lock(&self.considered).clear();
    }

    /// The store has a newer revision of the configuration, as far as somebody says.
    pub(crate) fn outdated(&self) {
        self.newer.notify_one();
    }

    pub(crate) fn new_id(&self, prefix: &str) -> String {
        format!("{prefix}-{}", name_id(self.env.random()))
    }

    /// Takes nothing new, lets running steps end until `until` (milliseconds since 1970), cuts off the rest to be
    /// repeated at the next start, and says that this node is gone.
    pub async fn stop(&self, until: i64) {
        self.stopping.store(true, Ordering::SeqCst);
        self.paused.store(true, Ordering::SeqCst);
        let (quiet, ended) = oneshot::channel();
        let _ = self.hub.send(Message::Stop { quiet });
        futures::future::select(ended, self.env.sleep_until(until)).await;
        let _ = self.hub.send(Message::CutOff);
        let beat = self
            .read("nodes", self.store.nodes())
            .await
            .ok()
            .and_then(|(nodes, _)| nodes.into_iter().find(|node| node.id == self.id));
        if let Some(row) = beat {
            self.commit(Change::NodeDead { dead: self.id.clone(), beat: row.beat }).await;
        }
        self.changed();
    }

    /// Whether this node has counted up lately enough that nobody can have seen it dead.
    pub(crate) fn may_act(&self) -> bool {
        let since = self.env.now() - self.beaten.load(Ordering::SeqCst);
        since <= self.dead_after / 2 && !self.paused.load(Ordering::SeqCst)
    }

    /// Another node has seen this one dead: everything it does from now on would be refused.
    pub(crate) fn seen_dead(&self) {
        if !self.stopping.swap(true, Ordering::SeqCst) {
            tracing::error!(node = self.id, "another node has seen this one dead; it stops acting");
        }
        self.paused.store(true, Ordering::SeqCst);
        let _ = self.hub.send(Message::CutOff);
        self.changed();
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }
}

impl From<StoreError> for AskError {
    fn from(error: StoreError) -> AskError {
        AskError::Store(error.to_string())
    }
}

impl From<&Lost> for AskError {
    fn from(lost: &Lost) -> AskError {
        match lost {
            Lost::Ended(lease) => AskError::Ended(lease.clone()),
            Lost::Untied(lease) => AskError::Untied(lease.clone()),
            Lost::Fence { lease, fence } => AskError::OtherEpoch { lease: lease.clone(), fence: *fence },
            Lost::InUse(resource) => AskError::InUse(resource.clone()),
            Lost::NotStuck(resource, status) => AskError::NotStuck { resource: resource.clone(), status: *status },
            lost => AskError::Store(lost.to_string()),
        }
    }
}

/// Twelve characters that are easy to read out and to type; no vowels, so no words.
fn name_id(random: u64) -> String {
    const LETTERS: &[u8; 32] = b"0123456789bcdfghjkmnpqrstvwxyz-_";
    let letters = (0..12).map(|i| {
        let letter = LETTERS[(random >> (i * 5)) as usize % 30];
        char::from(letter)
    });
    letters.collect()
}

/// Whether an id is as long as those that a node makes: a letter, a hyphen, twelve characters.
pub(crate) fn is_whole(id: &str) -> bool {
    id.len() == 14
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
