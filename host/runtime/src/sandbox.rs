//! One call of a guest: a fresh store, its limits, and both cut-offs.

use crate::bindings::with_health::{PluginWithHealth, PluginWithHealthPre};
use crate::bindings::with_inventory::{PluginWithInventory, PluginWithInventoryPre};
use crate::bindings::{self, PluginPre};
use crate::call::{Asker, Call, Function, Memory, Rights};
use crate::commands::Runner;
use crate::console::Console;
use crate::http::{Denials, Gate, HttpClient};
use crate::limits::Limits;
use crate::meter::Meter;
use crate::pinned;
use crate::trap::{self, OutOfCompute};
use crate::view;
use drydock_core::contract::BlueprintArg;
use drydock_core::plugin::{Fault, Nested, View};
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use wasmtime::component::ResourceTable;
use wasmtime::{Engine, Store, UpdateDeadline};
use wasmtime_wasi::WasiCtx;
use wasmtime_wasi_http::WasiHttpCtx;

/// Where calls run. All components of one loader share it.
pub(crate) struct Sandbox {
    engine: Engine,
    runner: Arc<Runner>,
    http: Arc<HttpClient>,
    limits: Limits,
    /// How many calls may run at once. Two gates, so that acting calls, which wait for the outside, never keep
    /// deciding ones from running.
    deciding: Semaphore,
    acting: Semaphore,
}

/// What a call is about, apart from its arguments.
pub(crate) struct Frame<'a> {
    pub(crate) function: Function,
    /// None: `describe`.
    pub(crate) blueprint: Option<&'a BlueprintArg>,
    pub(crate) grants: &'a [String],
    /// On the clock; the call is cut off afterwards.
    pub(crate) time: Duration,
    pub(crate) view: Option<&'a dyn View>,
    pub(crate) leases: Option<Arc<dyn Nested>>,
    /// Where it is written down what of HTTP was denied.
    pub(crate) denials: Denials,
}

/// A call that is under way. It owns its store, so dropping it ends the guest.
pub(crate) type Guest<T> = BoxFuture<'static, wasmtime::Result<T>>;

/// A component, linked and ready to be instantiated, as one of the contract's worlds.
pub(crate) trait Linked: Sync {
    type Plugin: Send;

    fn instantiate(&self, store: &mut Store<Call>) -> impl Future<Output = wasmtime::Result<Self::Plugin>> + Send;
}

impl Linked for PluginPre<Call> {
    type Plugin = bindings::Plugin;

    async fn instantiate(&self, store: &mut Store<Call>) -> wasmtime::Result<bindings::Plugin> {
        self.instantiate_async(store).await
    }
}

impl Linked for PluginWithHealthPre<Call> {
    type Plugin = PluginWithHealth;

    async fn instantiate(&self, store: &mut Store<Call>) -> wasmtime::Result<PluginWithHealth> {
        self.instantiate_async(store).await
    }
}

impl Linked for PluginWithInventoryPre<Call> {
    type Plugin = PluginWithInventory;

    async fn instantiate(&self, store: &mut Store<Call>) -> wasmtime::Result<PluginWithInventory> {
        self.instantiate_async(store).await
    }
}

/// Bytes that a guest may hand to the host in one piece, in whatever shape: lists can name the same text many times.
const CARRIED: usize = 16 << 20;

impl Sandbox {
    pub(crate) fn new(engine: Engine, runner: Arc<Runner>, http: Arc<HttpClient>, limits: Limits) -> Sandbox {
        let limits = limits.bounded();
        let (deciding, acting) = (Semaphore::new(limits.deciding_calls), Semaphore::new(limits.acting_calls));
        Sandbox { engine, runner, http, limits, deciding, acting }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Makes one call in a fresh store.
    pub(crate) async fn run<T: Send + 'static, L: Linked>(
        &self,
        instance: &L,
        rights: &Rights,
        frame: Frame<'_>,
        call: impl FnOnce(L::Plugin, Store<Call>) -> Guest<T> + Send,
    ) -> Result<T, Fault> {
        let function = frame.function;
        let gate = if function.acts() { &self.acting } else { &self.deciding };
        let _permit = gate.acquire().await.map_err(|_| Fault::Host("the host is stopping".into()))?;

        let (viewer, answers) = frame.view.map(view::bridge).unzip();
        let console = Console::default();
        let meter = Arc::new(Meter::default());
        let blueprint = frame.blueprint.map_or("", |b| b.name.as_str());
        let rights = Rights { grants: frame.grants.to_vec(), ..rights.clone() };
        let asker = Asker { function, blueprint: blueprint.to_owned(), rights: rights.clone() };
        let mut store = self.store(Call {
            function,
            installation: frame.blueprint.map(|b| b.installation.clone()).unwrap_or_default(),
            blueprint: blueprint.to_owned(),
            rights,
            deadline: Instant::now() + frame.time,
            view: viewer,
            runner: self.runner.clone(),
            leases: frame.leases.clone(),
            logged: 0,
            memory: Memory::new(self.limits.memory),
            wasi: wasi(&frame, &console),
            http: WasiHttpCtx::new(),
            gate: Gate::new(self.http.clone(), asker, frame.denials.clone(), frame.time),
            table: ResourceTable::new(),
        });
        self.arm(&mut store, function, meter.clone());

        let called = meter.measure(async {
            let guest = instance.instantiate(&mut store).await?;
            call(guest, store).await
        });
        let answered = async {
            match answers {
                Some(answers) => answers.during(called).await,
                None => called.await,
            }
        };
        let result = tokio::time::timeout(frame.time, answered).await;

        let printed = console.text();
        trap::report(blueprint, function, &printed);
        match result {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(match trap::fault(function, &error, &printed) {
                Fault::Trapped(why) => Fault::Trapped(frame.denials.explain(why)),
                fault => fault,
            }),
            Err(_) => Err(trap::out_of_time(function, frame.time)),
        }
    }

    fn store(&self, call: Call) -> Store<Call> {
        let mut store = Store::new(&self.engine, call);
        store.limiter(|call| &mut call.memory);
        store.set_hostcall_fuel(CARRIED);
        store
    }

    /// Interrupts the guest at every tick, from before its first instruction on.
    fn arm(&self, store: &mut Store<Call>, function: Function, meter: Arc<Meter>) {
        let limit = function.compute(&self.limits);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(move |_| {
            if meter.spent() > limit {
                return Err(OutOfCompute { limit }.into());
            }
            Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
        });
    }
}

/// What of WASI a guest gets: no arguments, environment, files or sockets; standard input is closed. While planning,
/// time and chance are those of the blueprint's argument.
fn wasi(frame: &Frame, console: &Console) -> WasiCtx {
    let mut wasi = WasiCtx::builder();
    wasi.stdout(console.clone()).stderr(console.clone()).allow_tcp(false).allow_udp(false);
    if !frame.function.acts() {
        let (now, seed) = frame.blueprint.map_or((0, 0), |b| (b.now, b.seed));
        pinned::pin(&mut wasi, now, seed);
    }
    wasi.build()
}
