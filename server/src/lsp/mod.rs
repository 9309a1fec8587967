//! The language server: bytes, messages, the session with a client, and the types of the protocol.
//!
//! Only this room and the handlers and commands, through it, see `lsp_types`. What a method does is in `handlers`.

mod capabilities;
pub mod convert;
pub mod documents;
mod framing;
pub mod idle;
pub mod indexing;
pub mod latest;
mod message;
mod parent;
mod progress;
mod serve;
pub mod server;
pub mod session;
pub mod status;
pub mod types;

use std::net::SocketAddr;

use anyhow::Context;
use tokio::io::{AsyncBufRead, AsyncWrite, BufReader};

pub(crate) use capabilities::initialize_result;
pub(crate) use parent::gone as parent_gone;
pub(crate) use progress::{report_indexing, report_loading};
pub use serve::Ending;
pub use server::Server;

/// Runs the server until its client is done with it. `flags` are settings given on the command line, as
/// (`engine.target`, `value`). Blocks this thread.
pub fn run(flags: Vec<(String, String)>, listen: Option<SocketAddr>) -> anyhow::Result<Ending> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the server's threads")?;
    let result = runtime.block_on(async {
        match listen {
            None => serve_stdio(flags).await,
            Some(address) => serve_tcp(flags, address).await,
        }
    });
    // A thread may still sit in a read of standard input that never returns; waiting for it would hang the exit.
    runtime.shutdown_background();
    result
}

async fn serve_stdio(flags: Vec<(String, String)>) -> anyhow::Result<Ending> {
    serve(flags, BufReader::new(tokio::io::stdin()), tokio::io::stdout()).await
}

/// Serves the first client that connects. The address in use is said on standard error, so that port 0 is of use.
async fn serve_tcp(flags: Vec<(String, String)>, address: SocketAddr) -> anyhow::Result<Ending> {
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}; is another program using this port?"))?;
    eprintln!("halfline: listening on {}", listener.local_addr()?);
    let (stream, _) = listener.accept().await.context("the client's connection failed")?;
    drop(listener);
    stream.set_nodelay(true)?;
    let (reader, writer) = stream.into_split();
    serve(flags, BufReader::new(reader), writer).await
}

async fn serve(
    flags: Vec<(String, String)>,
    reader: impl AsyncBufRead + Unpin,
    writer: impl AsyncWrite + Unpin + Send + 'static,
) -> anyhow::Result<Ending> {
    let (service, socket) = Server::service(flags);
    let abandoned = service.inner().abandoned.clone();
    let until = async move { abandoned.notified().await };
    serve::serve(reader, writer, service, socket, until).await.context("the connection to the client failed")
}
