//! A proxy between the plugin and moto. It has faults on demand: connections that break before or after a request has
//! arrived, answers that come late, refusals. And it adds what moto lacks: launches that happen once for a token, spot
//! requests of launches, events that are planned, states that take a while, instances that are not visible at once.

use super::moto;
use super::spot_requests::SpotRequests;
use super::wire::Message;
use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// What happens to a request.
#[derive(Clone)]
pub enum Fault {
    /// The connection breaks, and the request never arrives.
    CutBefore,
    /// The request arrives, and its answer is lost.
    CutAfter,
    Late(Duration),
    /// EC2 refuses it: the status, the code, the message.
    Refused(u16, &'static str, &'static str),
    /// Something else answers: the status, the body.
    Other(u16, &'static str),
}

/// The state of the proxy, and of what it adds.
#[derive(Default)]
pub struct State {
    /// What happens to the next request for an action.
    pub faults: Vec<(&'static str, Fault)>,
    /// Launches have no tokens, as with moto itself.
    pub no_tokens: bool,
    /// So many answers of `DescribeInstances` don't show any yet.
    pub hidden: usize,
    /// So many of them show as starting what runs.
    pub starting: usize,
    /// So many of them show as ending what is terminated.
    pub ending: usize,
    /// Items of a page, however many are asked for.
    pub page: Option<usize>,
    /// Instances with which something is planned, and what.
    pub events: Vec<(String, &'static str)>,
    pub spot: SpotRequests,
    /// The actions that were asked for, in order.
    pub asked: Vec<String>,
    /// Credentials that requests were signed with, by name.
    pub signed: Vec<String>,
    /// By token: the parameters and the answer.
    launches: HashMap<String, (String, Message)>,
}

pub struct Proxy {
    pub address: SocketAddr,
    account: String,
    state: Mutex<State>,
}

/// The parameters of an action.
pub struct Form(Vec<(String, String)>);

impl Form {
    pub fn parse(body: &str) -> Form {
        let pair = |pair: &str| pair.split_once('=').map(|(name, value)| (decoded(name), decoded(value)));
        Form(body.split('&').filter_map(pair).collect())
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(has, _)| has == name).map(|(_, value)| value.as_str())
    }

    /// Filters with one value each.
    pub fn filters(&self) -> impl Iterator<Item = (&str, &str)> {
        (1..)
            .map_while(|at| Some((self.get(&format!("Filter.{at}.Name"))?, self.get(&format!("Filter.{at}.Value.1"))?)))
    }

    fn set(&mut self, name: &str, value: &str) {
        self.0.retain(|(has, _)| has != name);
        self.0.push((name.to_owned(), value.to_owned()));
    }

    fn encoded(&self) -> String {
        let encoded = drydock_sdk::http::encoded;
        self.0.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect::<Vec<_>>().join("&")
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits: String = rest.by_ref().take(2).map(char::from).collect();
                u8::from_str_radix(&digits, 16).expect("two digits after a percent sign")
            }
            b'+' => b' ',
            other => other,
        });
    }
    String::from_utf8(bytes).expect("a form is text")
}

/// What stands between two tags, each time.
pub fn between<'a>(text: &'a str, tag: &str) -> Vec<&'a str> {
    let (begin, end) = (format!("<{tag}>"), format!("</{tag}>"));
    text.split(&begin).skip(1).filter_map(|rest| rest.split_once(&end).map(|(inner, _)| inner)).collect()
}

impl Proxy {
    /// Each proxy has an account of its own in moto, in which there is nothing yet.
    pub fn start() -> Arc<Proxy> {
        static ACCOUNTS: AtomicU64 = AtomicU64::new(100_000_000_000);
        let account = ACCOUNTS.fetch_add(1, Ordering::Relaxed).to_string();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let proxy = Arc::new(Proxy { address, account, state: Mutex::default() });
        let serving = Arc::downgrade(&proxy);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // The last connection is the one that says goodbye.
                let Some(proxy) = serving.upgrade() else { break };
                // A connection that breaks is a fault, of the proxy's or the test's own.
                let _ = stream.and_then(|mut stream| proxy.serve(&mut stream));
            }
        });
        proxy
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while it holds the state")
    }

    /// Has something happen to the next request for this action.
    pub fn fault(&self, action: &'static str, fault: Fault) {
        self.state().faults.push((action, fault));
    }

    /// Asks moto itself, as somebody else does who has the account.
    pub fn moto(&self, action: &str, parameters: &str) -> String {
        let body = format!("Action={action}&Version=2016-11-15&{parameters}");
        let answer = self.forward(body.as_bytes(), "AKIDSOMEBODY").expect("moto answers");
        assert_eq!(answer.status(), 200, "{}", answer.text());
        answer.text()
    }

    fn forward(&self, body: &[u8], key: &str) -> std::io::Result<Message> {
        let scope = format!(
            "AWS4-HMAC-SHA256 Credential={key}/20260101/eu-central-1/ec2/aws4_request, SignedHeaders=host, Signature=0"
        );
        let request = Message::new("POST / HTTP/1.1", body)
            .header("host", "ec2.eu-central-1.amazonaws.com")
            .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
            .header("authorization", &scope)
            .header("x-moto-account-id", &self.account);
        request.exchange(moto::address())
    }

    fn serve(&self, stream: &mut TcpStream) -> std::io::Result<()> {
        let request = Message::read(stream)?;
        let mut form = Form::parse(&request.text());
        let action = form.get("Action").unwrap_or_default().to_owned();
        let fault = {
            let mut state = self.state();
            state.asked.push(action.clone());
            state.signed.extend(request.get("x-signed-with").map(str::to_owned));
            if let (Some(page), true) = (state.page, form.get("MaxResults").is_some()) {
                form.set("MaxResults", &page.to_string());
            }
            let at = state.faults.iter().position(|(of, _)| *of == action);
            at.map(|at| state.faults.remove(at).1)
        };
        let answer = match fault {
            Some(Fault::CutBefore) => return Ok(()),
            Some(Fault::CutAfter) => {
                self.answer(&action, &form)?;
                return Ok(());
            }
            Some(Fault::Late(by)) => {
                std::thread::sleep(by);
                self.answer(&action, &form)?
            }
            Some(Fault::Refused(status, code, message)) => refusal(status, code, message),
            Some(Fault::Other(status, body)) => Message::new(format!("HTTP/1.1 {status} -"), body),
            None => self.answer(&action, &form)?,
        };
        answer.write(stream)
    }

    fn answer(&self, action: &str, form: &Form) -> std::io::Result<Message> {
        let own = |xml: String| Ok(Message::new("HTTP/1.1 200 OK", xml));
        match action {
            "DescribeSpotInstanceRequests" => own(self.state().spot.describe(form)),
            "CancelSpotInstanceRequests" => own(self.state().spot.cancel(form)),
            "DescribeInstanceStatus" => own(self.events()),
            "DescribeInstances" => self.instances(form),
            "RunInstances" => self.launch(form),
            _ => {
                let answer = self.forward(form.encoded().as_bytes(), "AKIDTEST")?;
                if let ("TerminateInstances", Some(id)) = (action, form.get("InstanceId.1")) {
                    self.state().spot.terminated(id);
                }
                Ok(answer)
            }
        }
    }

    fn events(&self) -> String {
        let event = |(id, code): &(String, &str)| {
            format!(
                "<item><instanceId>{id}</instanceId><eventsSet><item><code>{code}</code><description>[Completed] of old\
                 </description></item><item><code>{code}</code><description>the hardware is old</description><notBefore>\
                 2026-12-24T18:00:00.000Z</notBefore></item></eventsSet></item>"
            )
        };
        let items: String = self.state().events.iter().map(event).collect();
        format!(
            "<DescribeInstanceStatusResponse><instanceStatusSet>{items}</instanceStatusSet></DescribeInstanceStatusResponse>"
        )
    }

    fn instances(&self, form: &Form) -> std::io::Result<Message> {
        let mut answer = self.forward(form.encoded().as_bytes(), "AKIDTEST")?;
        let mut state = self.state();
        let mut text = answer.text();
        if take(&mut state.hidden) {
            text = "<DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse>".to_owned();
        }
        if take(&mut state.starting) {
            text = text.replace("<name>running</name>", "<name>pending</name>");
        }
        // Nothing ends before it was asked to.
        if text.contains("<name>terminated</name>") && take(&mut state.ending) {
            text = text.replace("<name>terminated</name>", "<name>shutting-down</name>");
        }
        answer.body = text.into();
        Ok(answer)
    }

    fn launch(&self, form: &Form) -> std::io::Result<Message> {
        let token = form.get("ClientToken").unwrap_or_default().to_owned();
        let all = form.encoded();
        {
            let state = self.state();
            if let (Some((before, answer)), false) = (state.launches.get(&token), state.no_tokens) {
                return Ok(match *before == all {
                    true => Message::new(answer.first.clone(), answer.body.clone()),
                    false => refusal(400, "IdempotentParameterMismatch", "The token was used for another request."),
                });
            }
        }
        let answer = self.forward(all.as_bytes(), "AKIDTEST")?;
        if answer.status() == 200 {
            let mut state = self.state();
            let text = answer.text();
            let instance = between(&text, "instanceId").first().map(|id| id.to_string()).unwrap_or_default();
            if form.get("InstanceMarketOptions.MarketType") == Some("spot") {
                state.spot.launched(form, &instance);
            }
            state.launches.insert(token, (all, Message::new(answer.first.clone(), answer.body.clone())));
        }
        Ok(answer)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Wakes the thread, which finds that nobody needs it any more.
        let _ = TcpStream::connect(self.address);
    }
}

fn take(left: &mut usize) -> bool {
    let some = *left > 0;
    *left -= usize::from(some);
    some
}

fn refusal(status: u16, code: &str, message: &str) -> Message {
    let body = format!(
        "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors><RequestID>1</RequestID></Response>"
    );
    Message::new(format!("HTTP/1.1 {status} -"), body)
}
