//! A list that is fetched by its URL: as a stream, into a file without a name.

use std::error::Error as StdError;
use std::fs::File;
use std::io::Write;
use std::time::Duration;

use bytesize::ByteSize;
use futures_util::StreamExt;
use reqwest::{Client, Response, redirect};
use url::Url;

use crate::failure::cause;

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the server may be silent.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// How many redirects are followed.
const MAX_REDIRECTS: usize = 10;

/// The bytes behind a URL, at most `max_bytes` of them, in a temporary file that nobody else sees.
///
/// # Errors
///
/// Why there are none, without the name of the list.
pub async fn fetch(url: &Url, max_bytes: u64) -> Result<File, String> {
    let client = client().map_err(|error| deepest(&*error))?;
    let response = client.get(url.clone()).send().await;
    let response = response.map_err(|error| deepest(&error.without_url()))?;
    if !response.status().is_success() {
        return Err(format!("the server answered {}", response.status()));
    }
    keep(response, max_bytes).await
}

fn client() -> Result<Client, Box<dyn StdError>> {
    let client = Client::builder()
        .tls_backend_preconfigured(mesos::client::tls::system()?)
        .user_agent(concat!("mesos-image-scheduler/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::limited(MAX_REDIRECTS))
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(IDLE_TIMEOUT)
        .no_proxy();
    Ok(client.build()?)
}

async fn keep(response: Response, max_bytes: u64) -> Result<File, String> {
    let too_large = || {
        let limit = ByteSize::b(max_bytes);
        format!("it is larger than {limit}; --max-list-size allows more")
    };
    let expected = response.content_length();
    if expected.is_some_and(|length| length > max_bytes) {
        return Err(too_large());
    }
    let no_room = |error| {
        format!("no room for it in the folder of temporary files, {error}; TMPDIR names another")
    };
    let mut file = tempfile::tempfile().map_err(no_room)?;
    let mut length = 0_u64;
    let mut body = response.bytes_stream();
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|error| {
            format!(
                "the transfer broke off after {length} bytes: {}",
                deepest(&error.without_url())
            )
        })?;
        length += u64::try_from(piece.len()).unwrap_or(u64::MAX);
        if length > max_bytes {
            return Err(too_large());
        }
        file.write_all(&piece).map_err(no_room)?;
    }
    Ok(file)
}

/// The error, and what is behind it.
fn deepest(error: &(dyn StdError + 'static)) -> String {
    let cause = cause(error);
    if cause.to_string() == error.to_string() {
        return error.to_string();
    }
    format!("{error}: {cause}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Read, Seek};
    use std::net::TcpListener;
    use std::thread;

    /// A server that gives these answers, one a connection.
    fn server(answers: &'static [&'static str]) -> Url {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/list.txt", listener.local_addr().unwrap());
        thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut line = String::new();
                while reader.read_line(&mut line).unwrap() > 2 {
                    line.clear();
                }
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        url.parse().unwrap()
    }

    #[tokio::test]
    async fn a_list_is_fetched_through_redirects() {
        let url = server(&[
            "HTTP/1.1 302 Found\r\nlocation: /there\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc",
        ]);
        let mut file = fetch(&url, 3).await.unwrap();
        let mut text = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "abc");
    }

    #[tokio::test]
    async fn what_is_no_whole_list_is_an_error_that_says_why() {
        for (answer, says) in [
            ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", "404 Not Found"),
            ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabcdefghi", "--max-list-size"),
            ("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nabcdefghi", "--max-list-size"),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nabc",
                "broke off after 3",
            ),
            ("SSH-2.0-x\r\n\r\n", "error"),
        ] {
            let url = server(Box::leak(Box::new([answer])));
            let error = fetch(&url, 5).await.unwrap_err();
            assert!(error.contains(says), "{error}");
            assert!(!error.contains(&url.to_string()), "{error}");
        }
        let nobody = "http://127.0.0.1:1/".parse().unwrap();
        let error = fetch(&nobody, 5).await.unwrap_err();
        assert!(error.contains("refused"), "{error}");
    }
}
