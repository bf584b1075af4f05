//! How a single is to be made, mailed and checked, and which wishes do not go together.

use serde::{Deserialize, Serialize};

use super::party::Party;
use crate::batch::MailClass;
use crate::fault::{Faults, Pointer};
use crate::finish::{CardSize, Envelope, Finish, Placement, Sides};

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
    /// What a postcard of that size is if its client wishes nothing.
    pub fn of_card(size: CardSize) -> Self {
        Options { finish: Finish::of_card(size), ..Options::default() }
    }

    /// Whether the sender is told electronically who signed.
    pub fn electronic_return_receipt(&self) -> bool {
        self.extra_services.contains(&ExtraService::ElectronicReturnReceipt)
    }

    /// Adds a fault for each two wishes that do not go together, or that do not go with what a postcard is.
    pub fn check(&self, at: &Pointer<'_>, faults: &mut Faults) {
        let certified = self.mail_class == MailClass::Certified;
        let here = at.key("extraServices");
        for service in &self.extra_services {
            if *service == ExtraService::RestrictedDelivery {
                // Said first, so that nobody makes a letter certified for it in vain.
                let message = "This house has no article numbers of restricted delivery: leave it out.";
                faults.push(&here, "options.not_offered", message);
            } else if !certified && self.finish.card.is_none() {
                let message = format!(
                    "{} is a service of Certified Mail: make mailClass Certified, or leave it out.",
                    service.as_str()
                );
                faults.push(&here, "options.needs_certified", message);
            } else if self.finish.card.is_some() {
                let message = format!(
                    "{} is a service of Certified Mail, which postcards are not: leave it out, or send a letter.",
                    service.as_str()
                );
                faults.push(&here, "options.not_of_postcards", message);
            }
        }
        if self.finish.card.is_some() {
            self.check_card(certified, at, faults);
        } else if certified && self.finish.placement == Placement::FirstPage {
            let message = "The label of Certified Mail goes on a cover sheet: make placement cover.";
            faults.push(&at.key("placement"), "options.certified_needs_cover", message);
        }
    }

    /// Adds a fault for each wish that a postcard cannot have.
    fn check_card(&self, certified: bool, at: &Pointer<'_>, faults: &mut Faults) {
        let Finish { sides, placement, envelope, return_envelope, .. } = self.finish;
        let wishes = [
            (
                "mailClass",
                certified,
                "The label of Certified Mail goes on a cover sheet, and a postcard has none: make mailClass FirstClass, or \
                 send a letter.",
            ),
            ("sides", sides != Sides::Duplex, "A postcard has its address on the back: both sides are printed."),
            (
                "placement",
                placement != Placement::Cover,
                "A postcard has its address on the back: leave placement out.",
            ),
            ("envelope", envelope != Envelope::Auto, "A postcard has no envelope: leave it out, or send a letter."),
            ("returnEnvelope", return_envelope, "Nothing can be put into a postcard: leave it out, or send a letter."),
            ("perforated", self.perforated, "There are no perforated cards: leave it out, or send a letter."),
        ];
        for (name, wished, message) in wishes {
            if wished {
                faults.push(&at.key(name), "options.not_of_postcards", message);
            }
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
        for options in [&certified, &Options::default(), &Options::of_card(CardSize::Card4x6)] {
            let options = Options { extra_services: restricted.clone(), ..options.clone() };
            assert_eq!(rules(&options), ["options.not_offered"]);
        }
        let finish = Finish { placement: Placement::FirstPage, ..Finish::default() };
        assert_eq!(rules(&Options { finish, ..certified }), ["options.certified_needs_cover"]);
        assert_eq!(rules(&Options { finish, ..Options::default() }), [""; 0]);
    }

    #[test]
    fn what_only_an_envelope_or_a_sheet_can_have_is_refused_for_a_postcard_each_at_its_place() {
        let card = Options::of_card(CardSize::Card6x9);
        assert_eq!(rules(&card), [""; 0]);
        let finish = Finish {
            sides: Sides::Simplex,
            placement: Placement::FirstPage,
            envelope: Envelope::Flat,
            return_envelope: true,
            ..card.finish
        };
        let receipt = vec![ExtraService::ElectronicReturnReceipt];
        let wished =
            Options { mail_class: MailClass::Certified, extra_services: receipt, finish, perforated: true, ..card };
        let mut faults = Faults::default();
        wished.check(&Pointer::Root.key("options"), &mut faults);
        let listed = faults.listed();
        assert!(listed.iter().all(|fault| fault.rule == "options.not_of_postcards"), "{listed:?}");
        let pointers: Vec<&str> = listed.iter().map(|fault| fault.pointer.as_str()).collect();
        let names = ["extraServices", "mailClass", "sides", "placement", "envelope", "returnEnvelope", "perforated"];
        assert_eq!(pointers, names.map(|name| format!("/options/{name}")));
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
