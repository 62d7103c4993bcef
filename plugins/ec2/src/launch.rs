//! What is launched: the parameters of `RunInstances`.

use crate::Ec2;
use crate::api::{Api, Params, Set};
use crate::errors::Fault;
use crate::instances;
use crate::tags::{of_resource, token};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use drydock_sdk::serde::Deserialize;
use drydock_sdk::{Blueprint, Failure, Resource};

/// One instance for this resource. What identifies it was promised when the resource was asked for; the rest is what the
/// configuration says now.
pub fn params(api: &Api, b: &Blueprint<Ec2>, on: &Resource<Ec2>, key_pair: &str) -> Result<Params, Failure> {
    let (config, promised) = (&b.config, &on.attributes);
    let mut params = Params::new()
        .with("ImageId", &promised.image)
        .with("InstanceType", &promised.instance_type)
        .with("MinCount", "1")
        .with("MaxCount", "1")
        .with("KeyName", key_pair)
        .with("ClientToken", token(&b.installation, &on.id))
        // Who shuts it down from within leaves nothing that would cost money.
        .with("InstanceInitiatedShutdownBehavior", "terminate");
    if let Some(subnet) = &config.subnet {
        params.set("SubnetId", subnet);
    }
    for (number, group) in (1..).zip(&config.security_groups) {
        params.set(format!("SecurityGroupId.{number}"), group);
    }
    if let Some(data) = &config.user_data {
        params.set("UserData", STANDARD.encode(data));
    }
    if promised.spot {
        params.set("InstanceMarketOptions.MarketType", "spot");
        params.set("InstanceMarketOptions.SpotOptions.SpotInstanceType", "one-time");
        if let Some(price) = config.spot.max_price() {
            params.set("InstanceMarketOptions.SpotOptions.MaxPrice", price);
        }
    }
    if config.volume_gb.is_some() || config.volume_type.is_some() {
        params.set("BlockDeviceMapping.1.DeviceName", root_device(api, &promised.image)?);
        params.set("BlockDeviceMapping.1.Ebs.DeleteOnTermination", "true");
        if let Some(size) = config.volume_gb {
            params.set("BlockDeviceMapping.1.Ebs.VolumeSize", size.to_string());
        }
        if let Some(kind) = &config.volume_type {
            params.set("BlockDeviceMapping.1.Ebs.VolumeType", kind);
        }
    }
    instances::tagged(&mut params, &of_resource(b, on), promised.spot);
    Ok(params)
}

#[derive(Deserialize)]
#[serde(crate = "drydock_sdk::serde", rename_all = "camelCase")]
struct Images {
    #[serde(default)]
    images_set: Set<Image>,
}

#[derive(Deserialize)]
#[serde(crate = "drydock_sdk::serde", rename_all = "camelCase")]
struct Image {
    #[serde(default)]
    root_device_name: String,
}

/// What an image calls its root volume.
fn root_device(api: &Api, image: &str) -> Result<String, Failure> {
    let images: Result<Images, Fault> = api.call("DescribeImages", Params::new().with("ImageId.1", image));
    let name = images?.images_set.item.into_iter().next().map(|image| image.root_device_name);
    name.filter(|name| !name.is_empty()).ok_or_else(|| {
        Failure::operator(format!(
            "the image {image} names no root volume: correct `image`, or take `volume_gb` and `volume_type` out of the \
             configuration of the blueprint"
        ))
    })
}
