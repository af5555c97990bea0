//! Host names to addresses.
//!
//! A static binary has no name service switch, so names are resolved here: the hosts file and
//! the name servers of `/etc/resolv.conf`. Without that file only the hosts file is left; no
//! public name server is asked instead.
//!
//! Answers are kept for as long as they say, refusals only shortly, and those who ask for the
//! same name at the same time share one question: a name server sees a list of a million
//! images as a few questions a host.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::ResolverConfig;
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use tokio::sync::OnceCell;
use tokio::time::timeout;

/// Names whose addresses are kept.
const KEPT_NAMES: u64 = 8_192;
/// How long it is believed that a name does not exist, whatever the answer says: the image is
/// tried again before a usual time of hours is over.
const KEPT_REFUSAL: Duration = Duration::from_secs(10);

type Answer = Result<Vec<IpAddr>, String>;
type Question = Arc<OnceCell<Answer>>;

/// A resolver by the system's settings. Its clones share everything.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    resolver: TokioResolver,
    asked: Arc<Mutex<HashMap<String, Question>>>,
}

impl Names {
    pub(crate) fn of_system() -> Result<Self, NetError> {
        let mut builder = TokioResolver::builder_tokio().unwrap_or_else(|error| {
            tracing::warn!(
                "names are only looked up in the hosts file, as /etc/resolv.conf: {error}"
            );
            let nobody = ResolverConfig::from_parts(None, Vec::new(), Vec::new());
            TokioResolver::builder_with_config(nobody, TokioRuntimeProvider::default())
        });
        let options = builder.options_mut();
        options.cache_size = KEPT_NAMES;
        options.negative_max_ttl = Some(KEPT_REFUSAL);
        Ok(Self::new(builder.build()?))
    }

    fn new(resolver: TokioResolver) -> Self {
        Self { resolver, asked: Arc::default() }
    }

    /// The addresses of `name`. The error is a part of a sentence.
    pub(crate) async fn look_up(&self, name: &str, patience: Option<Duration>) -> Answer {
        let shared = Shared::join(&self.asked, name);
        // Whoever is left waits on when the first to ask has lost patience.
        let answer = shared.question.get_or_init(|| self.ask(name));
        match patience {
            Some(limit) => match timeout(limit, answer).await {
                Ok(answer) => answer.clone(),
                Err(_) => Err(format!("the name servers did not answer within {limit:?}")),
            },
            None => answer.await.clone(),
        }
    }

    async fn ask(&self, name: &str) -> Answer {
        let found = self.resolver.lookup_ip(name).await.map_err(|error| describe(&error))?;
        Ok(found.iter().collect())
    }
}

/// A part in a question that others may ask as well. The last to leave takes it away: from
/// then on, what the resolver has kept is newer.
struct Shared<'a> {
    asked: &'a Mutex<HashMap<String, Question>>,
    name: &'a str,
    question: Question,
}

impl<'a> Shared<'a> {
    fn join(asked: &'a Mutex<HashMap<String, Question>>, name: &'a str) -> Self {
        let mut questions = asked.lock().unwrap_or_else(PoisonError::into_inner);
        let question = questions.entry(name.to_owned()).or_default();
        // One that has its answer is over, even if somebody still holds it.
        if question.initialized() {
            *question = Question::default();
        }
        Self { asked, name, question: Arc::clone(question) }
    }
}

impl Drop for Shared<'_> {
    fn drop(&mut self) {
        let mut questions = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        // This one and the map's.
        let is_last =
            |kept: &Question| Arc::ptr_eq(kept, &self.question) && Arc::strong_count(kept) <= 2;
        if questions.get(self.name).is_some_and(is_last) {
            questions.remove(self.name);
        }
    }
}

fn describe(error: &NetError) -> String {
    if error.is_nx_domain() {
        "there is no such name".to_owned()
    } else if error.is_no_records_found() {
        "it has no address".to_owned()
    } else {
        error.to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use hickory_resolver::config::NameServerConfig;

    use super::*;

    /// A resolver whose only name server is at `port` of this machine.
    fn asking(port: u16) -> Names {
        let mut server = NameServerConfig::udp(IpAddr::from([127, 0, 0, 1]));
        server.connections.iter_mut().for_each(|connection| connection.port = port);
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
        let builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        Names::new(builder.build().unwrap())
    }

    /// A name server that says 10.9.8.7, kept for a minute, to questions of type A and nothing
    /// to others, and counts the former.
    fn name_server() -> (u16, Arc<AtomicUsize>) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let count = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&count);
        thread::spawn(move || {
            let mut packet = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut packet) {
                let name_end = 12 + packet[12..length].iter().position(|b| *b == 0).unwrap() + 1;
                let is_a = packet[name_end + 1] == 1;
                let question = &packet[12..name_end + 4];
                let mut answer = packet[..2].to_vec();
                answer.extend([0x81, 0x80, 0, 1, 0, u8::from(is_a), 0, 0, 0, 0]);
                answer.extend(question);
                if is_a {
                    counter.fetch_add(1, Ordering::SeqCst);
                    answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 9, 8, 7]);
                    // Long enough for others to ask meanwhile.
                    thread::sleep(Duration::from_millis(100));
                }
                drop(socket.send_to(&answer, from));
            }
        });
        (port, count)
    }

    #[tokio::test]
    async fn many_who_ask_at_once_and_again_are_one_question() {
        let (port, count) = name_server();
        let names = asking(port);
        let ask = || async { names.look_up("host.test.", None).await };
        let (a, b, c, d) = tokio::join!(ask(), ask(), ask(), ask());
        for answer in [a, b, c, d, ask().await] {
            assert_eq!(answer, Ok(vec![IpAddr::from([10, 9, 8, 7])]));
        }
        assert_eq!(count.load(Ordering::SeqCst), 1);
        assert!(names.asked.lock().unwrap().is_empty(), "questions are forgotten");
    }

    #[tokio::test]
    async fn silent_name_servers_are_given_up_in_time() {
        let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
        let names = asking(silent.local_addr().unwrap().port());
        let limit = Some(Duration::from_millis(100));
        let reason = names.look_up("host.test", limit).await.unwrap_err();
        assert_eq!(reason, "the name servers did not answer within 100ms");
        assert!(names.look_up("localhost", limit).await.is_ok());
        assert!(names.asked.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn the_error_of_an_unknown_name_is_a_sentence() {
        let reason = asking(1).look_up("nowhere.invalid.", None).await.unwrap_err();
        assert_eq!(reason, "there is no such name");
    }
}
