//! What one call may send: every request of a guest comes by here.

use super::client::HttpClient;
use super::denial::Denials;
use super::header::{self, Choice};
use super::policy::permit;
use super::sending::{Chosen, Sending, broken};
use crate::call::Asker;
use crate::credentials::{Credential, find};
use crate::origin::{Host, Origin, Origins, Scheme};
use crate::translate::escaped;
use hyper::http::uri;
use hyper::{Request, Response, Uri};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tracing::debug;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

/// Requests of one call, and connections that it has at once.
const REQUESTS: u32 = 64;
const CONNECTIONS: usize = 8;

/// What is left of a call's time when its requests end, so that the guest can still answer.
const MARGIN: Duration = Duration::from_millis(250);

/// Bytes shown of a path in the log.
const SHOWN: usize = 1 << 10;

pub(crate) struct Gate {
    client: Arc<HttpClient>,
    asker: Asker,
    denials: Denials,
    deadline: Instant,
    requests: u32,
    connections: Arc<Semaphore>,
}

type Answer = Result<(Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>), Error>;

impl Gate {
    pub(crate) fn new(client: Arc<HttpClient>, asker: Asker, denials: Denials, time: Duration) -> Gate {
        let deadline = Instant::now() + time.saturating_sub(MARGIN);
        let connections = Arc::new(Semaphore::new(CONNECTIONS));
        Gate { client, asker, denials, deadline, requests: 0, connections }
    }

    /// Everything that can be decided before the request is sent. The error is for the operator.
    fn admit(&mut self, request: &mut Request<WasiBody>, options: RequestOptions) -> Result<Sending, String> {
        let asker = &self.asker;
        self.requests = self.requests.saturating_add(1);
        if self.requests > REQUESTS {
            return Err(format!(
                "the plugin {} of the blueprint \"{}\" made more than {REQUESTS} requests in one call of `{}`; its author \
                 has to spread them over several calls",
                asker.rights.plugin,
                asker.blueprint,
                asker.function.name()
            ));
        }
        let unfit = |why: &str| {
            format!(
                "the plugin {} of the blueprint \"{}\" made a request that can't be sent: {why}",
                asker.rights.plugin, asker.blueprint
            )
        };
        let origin = origin(request.uri()).map_err(unfit)?;
        let method = escaped(request.method().as_str(), 32);
        let permit = permit(asker, &method, &origin)?;
        let choice = header::take(request.headers_mut()).map_err(|why| unfit(&why))?;
        let credential = self.choose(choice, &origin)?;
        // Neither the query nor the headers: a guest may have put anything there.
        let (blueprint, function, path) =
            (&asker.blueprint, asker.function.name(), escaped(request.uri().path(), SHOWN));
        let with = credential.as_ref().map_or("none", |chosen| chosen.name.as_str());
        debug!(target: "drydock::plugin", blueprint, function, credential = with, "sends {method} {origin}{path}");
        Ok(Sending {
            client: self.client.clone(),
            asker: asker.clone(),
            denials: self.denials.clone(),
            permit,
            origin,
            credential,
            deadline: self.deadline,
            options,
            connections: self.connections.clone(),
        })
    }

    /// The credential that the guest names, if it may be put on a request to there.
    fn choose(&self, choice: Choice, origin: &Origin) -> Result<Option<Chosen>, String> {
        let Some(name) = choice.credential.clone() else { return Ok(None) };
        self.asker.may_use(&name)?;
        let (plugin, blueprint) = (&self.asker.rights.plugin, &self.asker.blueprint);
        let tried = format!(
            "the plugin {plugin} of the blueprint \"{blueprint}\" tried to use the credential {name} for {origin}, and that \
             credential is"
        );
        let credential = match find(&self.client.credentials, &name)? {
            Credential::Http(credential) => credential.clone(),
            other => {
                return Err(format!(
                    "{tried} of the kind \"{}\", which is for no HTTP request; name another",
                    other.kind()
                ));
            }
        };
        if credential.is_for(origin) {
            return Ok(Some(Chosen { name, credential, choice }));
        }
        let more = Origins::from(origin);
        let hosts: Vec<String> = credential.hosts.iter().chain([&more]).map(|hosts| format!("\"{hosts}\"")).collect();
        Err(format!(
            "{tried} for other servers; if it is to be sent there too, put this line into [credentials.{name}]: hosts = [{}]",
            hosts.join(", ")
        ))
    }
}

/// Where a request goes. A login in its address is no way to give a credential.
fn origin(uri: &Uri) -> Result<Origin, &'static str> {
    let scheme = match uri.scheme() {
        Some(scheme) if *scheme == uri::Scheme::HTTP => Scheme::Http,
        Some(scheme) if *scheme == uri::Scheme::HTTPS => Scheme::Https,
        _ => return Err("its scheme is neither http nor https"),
    };
    let authority = uri.authority().ok_or("it names no host")?;
    if authority.as_str().contains('@') {
        return Err("there is a login in its address");
    }
    let host = Host::parse(authority.host()).ok_or("its host is no name and no address")?;
    let rest = &authority.as_str()[authority.host().len()..];
    let port = match rest.strip_prefix(':') {
        None => scheme.port(),
        Some(port) => port.parse().ok().filter(|port| *port > 0).ok_or("its port is none")?,
    };
    Ok(Origin { scheme, host, port })
}

impl WasiHttpHooks for Gate {
    /// It is set where the request is sent.
    fn set_host_header(&mut self) -> bool {
        false
    }

    fn send_request(
        &mut self,
        mut request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Answer> + Send> {
        let sending = self.admit(&mut request, options.unwrap_or_default());
        let sending = sending.inspect_err(|denial| {
            self.denials.add(&self.asker.blueprint, self.asker.function.name(), denial);
        });
        Box::new(async move {
            let response = sending.map_err(|_| broken())?.send(request).await?;
            // The body keeps its connection itself.
            let nothing: Box<dyn Future<Output = Result<(), Error>> + Send> = Box::new(std::future::ready(Ok(())));
            Ok((response, nothing))
        })
    }
}
