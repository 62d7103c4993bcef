//! Names that a test gives addresses to.

use async_trait::async_trait;
use drydock_runtime::Resolver;
use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

/// For each name, what is answered the first time, the second time, and so on; the last one for ever.
#[derive(Clone, Default)]
pub struct Names(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    answers: HashMap<String, Vec<Vec<IpAddr>>>,
    asked: usize,
}

impl Names {
    pub fn of(names: &[(&str, &[&str])]) -> Names {
        let all = Names::default();
        for (name, answers) in names {
            let answer = |text: &&str| text.split_whitespace().map(|ip| ip.parse().expect("an address")).collect();
            let answers = answers.iter().map(answer).collect();
            all.0.lock().unwrap().answers.insert((*name).to_owned(), answers);
        }
        all
    }

    pub fn resolver(&self) -> Arc<dyn Resolver> {
        Arc::new(self.clone())
    }

    /// How often any name was looked up.
    pub fn asked(&self) -> usize {
        self.0.lock().unwrap().asked
    }
}

#[async_trait]
impl Resolver for Names {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let mut known = self.0.lock().unwrap();
        known.asked += 1;
        let answers = known.answers.get_mut(host).ok_or_else(|| io::Error::other("nobody has that name"))?;
        Ok(if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() })
    }
}
