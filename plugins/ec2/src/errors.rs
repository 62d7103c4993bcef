//! What EC2's errors mean: the one table, and the sentences.

use drydock_sdk::{Failure, http};

/// An action that has not come to a good end.
#[derive(Clone, Debug)]
pub enum Fault {
    Refused(Box<Complaint>),
    /// It may have been carried out all the same.
    Unanswered {
        action: String,
        error: http::Error,
    },
    /// The answer is not what EC2 answers. It may have been carried out all the same.
    Unreadable {
        action: String,
        why: String,
    },
}

/// What EC2 has to say against an action.
#[derive(Clone, Debug)]
pub struct Complaint {
    pub action: String,
    pub endpoint: String,
    /// The name of the credential that it was signed with.
    pub credential: String,
    pub status: u16,
    pub code: String,
    pub message: String,
}

/// What follows from an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// The same may do in a moment.
    Passing,
    /// Others have what is asked for, or we have enough of it: later, it may be there.
    Provider,
    /// What was made is not there any more.
    Gone,
    /// Somebody has to change something first.
    Operator,
}

use Row::{Gone, Operator, Passing, Provider};

/// Codes, which may end in `*`, and what to do about them, by the first that fits. `CREDENTIAL` is that of the request.
const TABLE: &[(Row, &[&str], &str)] = &[
    (
        Provider,
        &[
            "Insufficient*Capacity",
            "InsufficientCapacity*",
            "InsufficientFreeAddressesInSubnet",
            "SpotMaxPriceTooLow",
            "UnfulfillableCapacity",
            "ReservationCapacityExceeded",
        ],
        "Drydock tries again; another instance type or subnet, or on-demand instances, may be had sooner",
    ),
    (
        Provider,
        &[
            "InstanceLimitExceeded",
            "VcpuLimitExceeded",
            "AddressLimitExceeded",
            "MaxSpotInstanceCountExceeded",
            "VolumeLimitExceeded",
            "MaxIOPSLimitExceeded",
            "NetworkInterfaceLimitExceeded",
            "KeyPairLimitExceeded",
            "ResourceLimitExceeded",
            "ResourceCountExceeded",
        ],
        "Drydock tries again; have AWS raise the limit, or lower `max_resources`",
    ),
    (
        Passing,
        &[
            "RequestLimitExceeded",
            "RequestResourceCountExceeded",
            "RequestThrottled*",
            "Throttling*",
            "TooManyRequests*",
            "SlowDown",
            "EC2ThrottledException",
            "Unavailable",
            "ServiceUnavailable",
            "InternalError",
            "InternalFailure",
            "ConcurrentTagAccess",
            // What was made a moment ago is not known everywhere.
            "InvalidInstanceID.NotFound",
            "InvalidAllocationID.NotFound",
            "IncorrectInstanceState",
            "IncorrectState",
            "InvalidState",
        ],
        "Drydock tries again, less often",
    ),
    // A token is remembered with its parameters, also where the launch was refused.
    (Provider, &["IdempotentParameterMismatch"], "Drydock asks for another instance instead"),
    (Gone, &["IdempotentInstanceTerminated"], "Drydock asks for another instance instead"),
    // It is no credential that is wrong, whatever the code begins with.
    (
        Operator,
        &["AuthFailure.ServiceLinkedRoleCreationNotPermitted"],
        "have the account of the credential CREDENTIAL make AWS's service-linked role for spot instances, once",
    ),
    (
        Operator,
        &["ExpiredToken*", "RequestExpired", "InvalidSecurity.RequestHasExpired"],
        "renew the credential CREDENTIAL, or correct the clock of this machine",
    ),
    (
        Operator,
        &[
            "AuthFailure*",
            "UnauthorizedOperation",
            "SignatureDoesNotMatch",
            "InvalidClientTokenId",
            "IncompleteSignature",
            "MissingAuthenticationToken",
            "Blocked",
            "AccessDenied*",
        ],
        "correct the credential CREDENTIAL, or what its account allows",
    ),
    (
        Operator,
        &["OptInRequired", "PendingVerification"],
        "accept AWS's terms with the account of the credential CREDENTIAL",
    ),
    (Operator, &["InvalidAMIID*", "InvalidAMIName*"], "correct the `image` of the blueprint"),
    (Operator, &["InvalidSubnet*"], "correct the `subnet` of the blueprint"),
    (
        Operator,
        &["VPCIdNotSpecified", "DefaultVpcDoesNotExist", "MissingInput"],
        "name a `subnet` in the blueprint, as the account has no default VPC",
    ),
    (Operator, &["Gateway.NotAttached"], "give the VPC of the `subnet` an internet gateway, or take `elastic_ip` out"),
    (
        Operator,
        &["InvalidGroup*", "InvalidSecurityGroup*", "SecurityGroupsPer*LimitExceeded"],
        "correct the `security_groups` of the blueprint",
    ),
    (
        Operator,
        &["InvalidKey*", "InvalidKeyPair*"],
        "have `key` name an SSH key that is Ed25519, or RSA of 1024, 2048 or 4096 bits",
    ),
    (Operator, &["InvalidTagKey*", "TagLimitExceeded"], "correct the `tags` of the blueprint"),
    (
        Operator,
        &["UnknownVolumeType*", "BootForVolumeTypeUnsupported", "VolumeTypeNotAvailableInZone"],
        "correct the `volume_type` of the blueprint",
    ),
    (
        Operator,
        &["InvalidInstanceType*", "Unsupported*"],
        "correct the `instance_type`, the `subnet`, the `image` or the `key` of the blueprint",
    ),
    (Operator, &["OperationNotPermitted"], "end the instance's protection from termination"),
    (
        Operator,
        &["InvalidParameter*", "MissingParameter", "InvalidUserData*", "InvalidBlockDeviceMapping", "UnknownParameter"],
        "correct the configuration of the blueprint",
    ),
];

fn fits(pattern: &str, code: &str) -> bool {
    match pattern.split_once('*') {
        Some((begin, end)) => code.len() >= begin.len() + end.len() && code.starts_with(begin) && code.ends_with(end),
        None => pattern == code,
    }
}

impl Complaint {
    /// What follows, and what to do.
    fn row(&self) -> (Row, String) {
        let row = TABLE.iter().find(|(_, codes, _)| codes.iter().any(|pattern| fits(pattern, &self.code)));
        match row {
            Some((row, _, advice)) => (*row, advice.replace("CREDENTIAL", &self.credential)),
            None if self.status >= 500 || self.status == 429 => (Passing, "Drydock tries again, less often".to_owned()),
            None => (Operator, "see what AWS says of this code, and correct the blueprint".to_owned()),
        }
    }
}

impl Fault {
    /// It says that this was not done, because of that code.
    pub fn is(&self, code: &str) -> bool {
        matches!(self, Fault::Refused(complaint) if complaint.code == code)
    }

    /// It may have been carried out all the same.
    pub fn is_unanswered(&self) -> bool {
        !matches!(self, Fault::Refused(_) | Fault::Unanswered { error: http::Error::Invalid(_), .. })
    }

    /// Nothing has to change for the same to do in a moment.
    pub fn passes(&self) -> bool {
        match self {
            Fault::Refused(complaint) => complaint.row().0 == Passing,
            _ => self.is_unanswered(),
        }
    }
}

impl std::fmt::Display for Complaint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Complaint { action, endpoint, status, code, message, .. } = self;
        write!(f, "{endpoint} refused {action} with {code} ({status})")?;
        match message.trim().trim_end_matches('.') {
            "" => Ok(()),
            message => write!(f, ": {message}"),
        }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Failure {
        match fault {
            Fault::Refused(complaint) => {
                let (row, advice) = complaint.row();
                let reason = format!("{complaint}; {advice}");
                match row {
                    Passing | Provider => Failure::provider(reason),
                    Gone => Failure::gone(reason),
                    Operator => Failure::operator(reason),
                }
            }
            Fault::Unanswered { action, error: http::Error::Invalid(why) } => Failure::operator(format!(
                "{action} could not be asked for: {why}; correct the `endpoint` of the blueprint"
            )),
            Fault::Unanswered { action, error } => {
                Failure::provider(format!("{action} was asked for in vain: {error}"))
            }
            Fault::Unreadable { action, why } => Failure::provider(format!(
                "the answer to {action} is none of EC2 ({why}); should it stay so, look at what is at the `endpoint` of the blueprint"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use drydock_sdk::Next;

    fn failure(status: u16, code: &str) -> Failure {
        let [action, endpoint, credential, message] =
            ["RunInstances", "https://ec2", "cloud", "No."].map(str::to_owned);
        Fault::Refused(Box::new(Complaint { action, endpoint, credential, status, code: code.to_owned(), message }))
            .into()
    }

    #[test]
    fn every_error_is_on_its_row() {
        for (next, status, codes) in [
            (Next::BackOff, 400, "InsufficientInstanceCapacity SpotMaxPriceTooLow InsufficientFreeAddressesInSubnet"),
            (
                Next::BackOff,
                400,
                "InstanceLimitExceeded VcpuLimitExceeded AddressLimitExceeded MaxSpotInstanceCountExceeded",
            ),
            (Next::BackOff, 503, "RequestLimitExceeded Unavailable InternalError SomethingNew"),
            (Next::BackOff, 400, "Throttling ThrottlingException"),
            (Next::BackOff, 429, "SomethingNew"),
            (Next::Attention, 401, "AuthFailure"),
            (Next::Attention, 403, "UnauthorizedOperation SignatureDoesNotMatch"),
            (Next::Attention, 400, "ExpiredToken ExpiredTokenException RequestExpired OptInRequired"),
            (Next::Attention, 401, "AuthFailure.ServiceLinkedRoleCreationNotPermitted"),
            (Next::Attention, 400, "VPCIdNotSpecified Gateway.NotAttached InvalidTagKey.Malformed UnknownVolumeType"),
            (Next::BackOff, 400, "IncorrectInstanceState InvalidInstanceID.NotFound IdempotentParameterMismatch"),
            (Next::Gone, 400, "IdempotentInstanceTerminated"),
            (Next::Attention, 400, "InvalidAMIID.NotFound InvalidAMIID.Malformed InvalidAMIID.Unavailable"),
            (Next::Attention, 400, "InvalidSubnetID.NotFound InvalidGroup.NotFound InvalidKey.Format"),
            (Next::Attention, 400, "InvalidParameterValue Unsupported SomethingNew"),
        ] {
            for code in codes.split(' ') {
                assert_eq!(failure(status, code).next, next, "{code}");
            }
        }
    }

    #[test]
    fn a_sentence_says_what_where_why_and_what_to_do() {
        let reason = failure(401, "AuthFailure").reason;
        let expected = "https://ec2 refused RunInstances with AuthFailure (401): No; correct the credential cloud, or what its \
                        account allows";
        assert_eq!(reason, expected);
    }
}
