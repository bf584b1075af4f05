//! How a single is to be made, mailed and checked, and which wishes do not go together.

use serde::{Deserialize, Serialize};

use super::party::Party;
use crate::batch::MailClass;
use crate::fault::{Faults, Pointer};
use crate::finish::{Finish, Placement};

/// What the postal service is to do besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ExtraService {
    /// The sender is told electronically who signed.
    ElectronicReturnReceipt,
    /// Only the addressee may sign.
    RestrictedDelivery,
}

impl ExtraService {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            ExtraService::ElectronicReturnReceipt => "electronicReturnReceipt",
            ExtraService::RestrictedDelivery => "restrictedDelivery",
        }
    }

    /// The service of that name.
    pub fn parse(text: &str) -> Option<Self> {
        let all = [ExtraService::ElectronicReturnReceipt, ExtraService::RestrictedDelivery];
        all.into_iter().find(|service| service.as_str() == text)
    }
}

/// What of an address may be odd.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AddressCheck {
    /// Nothing.
    Strict,
    /// What the postal service will put right: a ZIP Code of another state is refused, other warnings are kept.
    #[default]
    Normal,
    /// Whatever can be printed; warnings are kept.
    Relaxed,
}

impl AddressCheck {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            AddressCheck::Strict => "strict",
            AddressCheck::Normal => "normal",
            AddressCheck::Relaxed => "relaxed",
        }
    }

    /// The check of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [AddressCheck::Strict, AddressCheck::Normal, AddressCheck::Relaxed]
            .into_iter()
            .find(|check| check.as_str() == text)
    }

    /// Whether a warning about an address keeps the letter from being taken.
    pub fn refuses(self, warning: crate::address::AddressWarning) -> bool {
        match self {
            AddressCheck::Strict => true,
            AddressCheck::Normal => warning == crate::address::AddressWarning::PrefixOfAnotherState,
            AddressCheck::Relaxed => false,
        }
    }
}

/// The wishes of a client for a letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Options {
    /// How the postal service is to treat it.
    pub mail_class: MailClass,
    /// What the postal service is to do besides, in order and each once.
    #[serde(default)]
    pub extra_services: Vec<ExtraService>,
    /// How it is made.
    #[serde(flatten)]
    pub finish: Finish,
    /// Whether its first sheet is perforated: the first after the cover sheet, if it has one.
    #[serde(default)]
    pub perforated: bool,
    /// What of the recipient's address may be odd.
    #[serde(default)]
    pub address_check: AddressCheck,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            mail_class: MailClass::FirstClass,
            extra_services: Vec::new(),
            finish: Finish::default(),
            perforated: false,
            address_check: AddressCheck::default(),
        }
    }
}

impl Options {
    /// Whether the sender is told electronically who signed.
    pub fn electronic_return_receipt(&self) -> bool {
        self.extra_services.contains(&ExtraService::ElectronicReturnReceipt)
    }

    /// Adds a fault for each two wishes that do not go together.
    pub fn check(&self, at: &Pointer<'_>, faults: &mut Faults) {
        let certified = self.mail_class == MailClass::Certified;
        let here = at.key("extraServices");
        for service in &self.extra_services {
            if !certified {
                let message = format!(
                    "{} is a service of Certified Mail: make mailClass Certified, or leave it out.",
                    service.as_str()
                );
                faults.push(&here, "options.needs_certified", message);
            } else if *service == ExtraService::RestrictedDelivery {
                let message = "This house has no article numbers of restricted delivery: leave it out.";
                faults.push(&here, "options.not_offered", message);
            }
        }
        if certified && self.finish.placement == Placement::FirstPage {
            let message = "The label of Certified Mail goes on a cover sheet: make placement cover.";
            faults.push(&at.key("placement"), "options.certified_needs_cover", message);
        }
    }

    /// Adds a fault when the wishes do not go with the recipient.
    pub fn check_recipient(&self, recipient: &Party, at: &Pointer<'_>, faults: &mut Faults) {
        if self.mail_class == MailClass::Certified && !recipient.address.is_domestic() {
            let message = "Certified Mail goes to addresses in the United States alone: make mailClass FirstClass.";
            faults.push(&at.key("address").key("country"), "options.certified_is_domestic", message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::AddressWarning;

    fn rules(options: &Options) -> Vec<&'static str> {
        let mut faults = Faults::default();
        options.check(&Pointer::Root, &mut faults);
        faults.listed().iter().map(|fault| fault.rule).collect()
    }

    #[test]
    fn wishes_that_do_not_go_together_are_refused_with_the_reason() {
        let certified = Options { mail_class: MailClass::Certified, ..Options::default() };
        let receipt = vec![ExtraService::ElectronicReturnReceipt];
        assert_eq!(rules(&Options::default()), [""; 0]);
        assert_eq!(rules(&certified), [""; 0]);
        assert_eq!(rules(&Options { extra_services: receipt.clone(), ..certified.clone() }), [""; 0]);
        assert_eq!(rules(&Options { extra_services: receipt, ..Options::default() }), ["options.needs_certified"]);
        let restricted = vec![ExtraService::RestrictedDelivery];
        assert_eq!(rules(&Options { extra_services: restricted, ..certified.clone() }), ["options.not_offered"]);
        let finish = Finish { placement: Placement::FirstPage, ..Finish::default() };
        assert_eq!(rules(&Options { finish, ..certified }), ["options.certified_needs_cover"]);
        assert_eq!(rules(&Options { finish, ..Options::default() }), [""; 0]);
    }

    #[test]
    fn each_check_of_addresses_refuses_less_than_the_one_before() {
        use AddressWarning::{NoMilitaryBox, PlusFourOfZeros, PrefixOfAnotherState};
        let refused = |check: AddressCheck| {
            [PrefixOfAnotherState, PlusFourOfZeros, NoMilitaryBox].map(|warning| check.refuses(warning))
        };
        assert_eq!(refused(AddressCheck::Strict), [true, true, true]);
        assert_eq!(refused(AddressCheck::Normal), [true, false, false]);
        assert_eq!(refused(AddressCheck::Relaxed), [false, false, false]);
    }
}
