//! Asks a container runtime for pods, as a kubelet does.
//!
//! ```text
//! cri SOCKET run POD        POD as JSON; prints the sandbox's id
//! cri SOCKET init POD ID    its init container, in the sandbox; prints the exit code
//! cri SOCKET stop ID
//! cri SOCKET remove ID
//! ```

mod messages;

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use serde::Deserialize;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

use messages::{
    Capability, ContainerConfig, ContainerMetadata, ContainerStatusResponse,
    CreateContainerRequest, EXITED, Id, ImageSpec, Int64Value, LinuxContainerConfig,
    LinuxContainerSecurityContext, LinuxPodSandboxConfig, Nothing, PodSandboxConfig,
    PodSandboxMetadata, RunPodSandboxRequest,
};

/// A pod, as far as it matters here.
#[derive(Deserialize)]
struct Pod {
    name: String,
    namespace: String,
    #[serde(default)]
    annotations: HashMap<String, String>,
    cgroup: String,
    logs: String,
    init: Option<Init>,
}

/// Its init container, confined as in `deploy/`.
#[derive(Clone, Deserialize)]
struct Init {
    image: String,
    args: Vec<String>,
    user: i64,
}

impl Pod {
    fn config(&self) -> PodSandboxConfig {
        PodSandboxConfig {
            metadata: Some(PodSandboxMetadata {
                name: self.name.clone(),
                uid: format!("uid-of-{}", self.name),
                namespace: self.namespace.clone(),
                attempt: 0,
            }),
            log_directory: self.logs.clone(),
            annotations: self.annotations.clone(),
            linux: Some(LinuxPodSandboxConfig {
                cgroup_parent: self.cgroup.clone(),
            }),
        }
    }
}

impl Init {
    fn config(self) -> ContainerConfig {
        let words = |word: &str| vec![word.to_owned()];
        ContainerConfig {
            metadata: Some(ContainerMetadata {
                name: "init".to_owned(),
            }),
            image: Some(ImageSpec { image: self.image }),
            args: self.args,
            log_path: "init.log".to_owned(),
            linux: Some(LinuxContainerConfig {
                security_context: Some(LinuxContainerSecurityContext {
                    capabilities: Some(Capability {
                        add_capabilities: words("NET_ADMIN"),
                        drop_capabilities: words("ALL"),
                    }),
                    run_as_user: Some(Int64Value { value: self.user }),
                    readonly_rootfs: true,
                    no_new_privs: true,
                }),
            }),
        }
    }
}

/// The runtime.
struct Runtime(Grpc<Channel>);

impl Runtime {
    async fn connect(socket: &str) -> Result<Self> {
        let endpoint = Endpoint::from_shared(format!("unix://{socket}"))?;
        Ok(Self(Grpc::new(endpoint.connect().await?)))
    }

    async fn call<Q, A>(&mut self, method: &'static str, request: Q) -> Result<A>
    where
        Q: prost::Message + 'static,
        A: prost::Message + Default + 'static,
    {
        self.0.ready().await?;
        let path = PathAndQuery::try_from(format!("/runtime.v1.RuntimeService/{method}"))?;
        let codec = ProstCodec::<Q, A>::default();
        let answer = self
            .0
            .unary(tonic::Request::new(request), path, codec)
            .await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| anyhow!("{method}: {}", status.message()))
    }

    async fn run_init(&mut self, pod: &Pod, sandbox: &str) -> Result<i32> {
        let init = pod.init.clone().context("the pod has no init container")?;
        let request = CreateContainerRequest {
            pod_sandbox_id: sandbox.to_owned(),
            config: Some(init.config()),
            sandbox_config: Some(pod.config()),
        };
        let container: Id = self.call("CreateContainer", request).await?;
        let _: Nothing = self.call("StartContainer", container.clone()).await?;
        loop {
            let answer: ContainerStatusResponse =
                self.call("ContainerStatus", container.clone()).await?;
            let status = answer.status.context("a status")?;
            if status.state == EXITED {
                return Ok(status.exit_code);
            }
            // The interface has no way to wait.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn run(words: &[&str]) -> Result<()> {
    let [socket, words @ ..] = words else {
        bail!("cri SOCKET run POD | init POD ID | stop ID | remove ID");
    };
    let mut runtime = Runtime::connect(socket).await?;
    match words {
        ["run", pod] => {
            let pod: Pod = serde_json::from_str(pod)?;
            let config = Some(pod.config());
            let sandbox: Id = runtime
                .call("RunPodSandbox", RunPodSandboxRequest { config })
                .await?;
            println!("{}", sandbox.id);
        }
        ["init", pod, id] => println!(
            "{}",
            runtime.run_init(&serde_json::from_str(pod)?, id).await?
        ),
        ["stop", id] => {
            let id = (*id).to_owned();
            let _: Nothing = runtime.call("StopPodSandbox", Id { id }).await?;
        }
        ["remove", id] => {
            let id = (*id).to_owned();
            let _: Nothing = runtime.call("RemovePodSandbox", Id { id }).await?;
        }
        _ => bail!("no such call: {}", words.join(" ")),
    }
    Ok(())
}

fn main() -> Result<()> {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run(&words))
}
