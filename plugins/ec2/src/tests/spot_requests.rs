//! Spot requests as EC2 makes them for launches. moto makes none.

use super::proxy::Form;

pub struct SpotRequest {
    pub id: String,
    pub instance: String,
    pub state: &'static str,
    /// `fulfilled`, unless the instance is being taken back.
    pub status: &'static str,
    tags: Vec<(String, String)>,
}

#[derive(Default)]
pub struct SpotRequests(pub Vec<SpotRequest>);

impl SpotRequests {
    /// Of a launch that has brought this instance.
    pub fn launched(&mut self, form: &Form, instance: &str) {
        let number = (1..9).find(|number| {
            form.get(&format!("TagSpecification.{number}.ResourceType")) == Some("spot-instances-request")
        });
        let tag = |at: usize| {
            let prefix = format!("TagSpecification.{}.Tag.{at}", number?);
            Some((form.get(&format!("{prefix}.Key"))?.to_owned(), form.get(&format!("{prefix}.Value"))?.to_owned()))
        };
        let id = format!("sir-{}", instance.trim_start_matches("i-"));
        let tags = (1..).map_while(tag).collect();
        self.0.push(SpotRequest { id, instance: instance.to_owned(), state: "active", status: "fulfilled", tags });
    }

    /// A request for one time ends with its instance.
    pub fn terminated(&mut self, instance: &str) {
        for request in self.0.iter_mut().filter(|request| request.instance == instance && request.state == "active") {
            request.state = "closed";
        }
    }

    pub fn cancel(&mut self, form: &Form) -> String {
        for request in self.0.iter_mut().filter(|request| form.get("SpotInstanceRequestId.1") == Some(&request.id)) {
            request.state = "cancelled";
        }
        "<CancelSpotInstanceRequestsResponse/>".to_owned()
    }

    pub fn describe(&self, form: &Form) -> String {
        let fits = |request: &&SpotRequest| {
            form.filters().all(|(name, value)| match name.strip_prefix("tag:") {
                Some(key) => request.tags.iter().any(|(has, of)| has == key && *of == value),
                None => name == "spot-instance-request-id" && request.id == value,
            })
        };
        let begin: usize = form.get("NextToken").and_then(|token| token.parse().ok()).unwrap_or(0);
        let size: usize = form.get("MaxResults").and_then(|size| size.parse().ok()).unwrap_or(1000);
        let all: Vec<&SpotRequest> = self.0.iter().filter(fits).collect();
        let items: String = all.iter().skip(begin).take(size).map(|request| request.xml()).collect();
        let next = if begin + size < all.len() { (begin + size).to_string() } else { String::new() };
        format!(
            "<DescribeSpotInstanceRequestsResponse><spotInstanceRequestSet>{items}</spotInstanceRequestSet>\
             <nextToken>{next}</nextToken></DescribeSpotInstanceRequestsResponse>"
        )
    }
}

impl SpotRequest {
    fn xml(&self) -> String {
        let SpotRequest { id, instance, state, status, tags } = self;
        let tags: String =
            tags.iter().map(|(key, value)| format!("<item><key>{key}</key><value>{value}</value></item>")).collect();
        format!(
            "<item><spotInstanceRequestId>{id}</spotInstanceRequestId><state>{state}</state><status><code>{status}</code>\
             <message>of the tests</message></status><instanceId>{instance}</instanceId><tagSet>{tags}</tagSet></item>"
        )
    }
}
