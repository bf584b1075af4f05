//! What is personal about the letters that news tells of: read only for who asked to be told it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::event::{EventKind, News, Personal};
use domain::id::{BatchId, LetterRef};

use crate::{Store, StoreError};

impl Store {
    /// Adds to each piece of news of a letter to whom that goes, and who signed for it if that is the news. What is said of a
    /// letter is what is known of it now: it may have been replaced since.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn tell_recipients(&self, news: &mut [News]) -> Result<(), StoreError> {
        let mut letters = BTreeMap::<BatchId, BTreeSet<LetterRef>>::new();
        for one in news.iter() {
            if let (Some(batch), Some(letter)) = (&one.batch, &one.letter) {
                letters.entry(batch.clone()).or_default().insert(letter.clone());
            }
        }
        for (id, wanted) in letters {
            let Some(batch) = self.batch(&id).await? else { continue };
            let wanted: Vec<LetterRef> = wanted.into_iter().collect();
            let found = self.letters(&batch, &wanted).await?;
            let found: HashMap<LetterRef, _> =
                found.into_iter().map(|letter| (letter.content.reference, letter.content.address)).collect();
            for one in news.iter_mut().filter(|one| one.batch.as_ref() == Some(&id)) {
                let Some((letter, recipient)) = one.letter.as_ref().and_then(|letter| found.get_key_value(letter))
                else {
                    continue;
                };
                let signature = match one.kind {
                    EventKind::LetterSigned => {
                        let tracked = self.tracked(&batch, letter).await?.unwrap_or_default();
                        tracked.signed().and_then(|scan| scan.signature.clone())
                    }
                    _ => None,
                };
                one.personal = Some(Personal { recipient: recipient.clone(), signature });
            }
        }
        Ok(())
    }
}
