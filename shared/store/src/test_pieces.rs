//! Test letters that live the life of mailed ones. They are in no mail job and have no serial number of the deployment's:
//! their tracking codes have a Mailer ID that nobody has, and each has an item that leads to its letter.

use std::collections::BTreeMap;

use domain::account::Mode;
use domain::article_number::{ArticleNumber, ArticleService};
use domain::batch::{Batch, BatchState};
use domain::event::EventKind;
use domain::id::{BatchId, LetterRef};
use domain::letter::Piece;
use domain::tracking::Feed;
use domain::tracking::file::TEST_FILES;
use domain::tracking_code::{MailerId, TrackingCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::idempotency::Completion;
use crate::keys;
use crate::queues::ScanFiles;
use crate::table;
use crate::tracking::Target;
use crate::transaction::{Change, Transaction};
use crate::{Store, StoreError};

/// Which letter has a serial number of the test Mailer ID.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct TestItem {
    batch: BatchId,
    letter: LetterRef,
}

/// The numbers of a test letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestPiece {
    /// Its tracking code.
    pub code: TrackingCode,
    /// Its article number, which it has also when it is not certified.
    pub article: ArticleNumber,
}

/// A scan to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestScan {
    /// When it will have been made.
    pub at: Timestamp,
    /// Whose code it has.
    pub feed: Feed,
    /// The code.
    pub code: &'static str,
    /// Who signs, if it is signed for.
    pub signer: Option<&'static str>,
    /// In how many seconds it comes.
    pub after: u32,
}

impl Store {
    /// Mails a test batch that is ready, as far as anybody but the print floor can see. One that is mailed stays so.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn mail_test_batch(&self, batch: &Batch, now: Timestamp) -> Result<(), StoreError> {
        if batch.state == BatchState::Mailed {
            return Ok(());
        }
        let mut mail = Transaction::default();
        let change = Change::new(keys::batch(&batch.id), "SET #state = :mailed, #printingAt = :now, #mailedAt = :now")
            .when("#state = :ready AND #mode = :test")
            .value(":mailed", &BatchState::Mailed)?
            .value(":now", &now)?
            .value(":ready", &BatchState::Ready)?
            .value(":test", &Mode::Test)?;
        mail.update(&self.config.table, change)?;
        for kind in [EventKind::BatchPrinting, EventKind::BatchMailed] {
            let data = BTreeMap::from([("letters".to_owned(), batch.received.to_string())]);
            self.whole_batch_event(&mut mail, batch, kind, data, now).await?;
        }
        // Refused: it was mailed meanwhile, or changed; then its letters' scans wait, and the client tries again.
        self.commit(mail).await.map(drop)
    }

    /// The numbers of a test letter, always the same. The letter shows them from then on.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn test_piece(&self, batch: &Batch, letter: &LetterRef) -> Result<TestPiece, StoreError> {
        let mailer = MailerId::test();
        let wanted = TestItem { batch: batch.id.clone(), letter: letter.clone() };
        let hash = Sha256::digest(format!("{}#{letter}", batch.id));
        let start = u64::from(u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]));
        // Two letters may begin at one number: the second takes the next one.
        for step in 0..100 {
            let serial = (start + step) % mailer.serials();
            let key = keys::test_piece(serial);
            self.put_new(table::keyed("a test piece", &key, &wanted)?).await?;
            if self.get::<TestItem>("a test piece", &key).await?.as_ref() == Some(&wanted) {
                let service = ArticleService::of(batch.mail_class, batch.electronic_return_receipt);
                let piece = TestPiece {
                    code: TrackingCode::new(&self.config.service_type, &mailer, serial),
                    article: ArticleNumber::new(
                        service.unwrap_or(ArticleService::CertifiedElectronicReceipt),
                        &mailer,
                        serial,
                    ),
                };
                let (code, article) = (piece.code.clone(), service.map(|_| piece.article.clone()));
                let change = Change::new(keys::letter(&batch.id, batch.shards, letter), "SET #piece = :piece")
                    .when("attribute_exists(#pk)")
                    .value(":piece", &Piece { job: None, part: None, code, article })?;
                self.change(change).await?;
                return Ok(piece);
            }
        }
        Err(StoreError::Contended("the numbers of test pieces"))
    }

    /// The letter of a serial number of the test Mailer ID, once its batch is mailed; and the batch.
    pub(crate) async fn test_letter(&self, serial: u64) -> Result<Option<(Target, Batch)>, StoreError> {
        let Some(item) = self.get::<TestItem>("a test piece", &keys::test_piece(serial)).await? else {
            return Ok(None);
        };
        let batch = self.batch(&item.batch).await?;
        let mailed = batch.filter(|batch| batch.mode == Mode::Test && batch.state == BatchState::Mailed);
        Ok(mailed.map(|batch| (Target { batch: item.batch, letter: item.letter }, batch)))
    }

    /// Has scans of a test letter come, each as a file of its own, in its time.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn send_test_scans(
        &self,
        batch: &Batch,
        piece: &TestPiece,
        scans: &[TestScan],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        for scan in scans {
            let mut event = json!({
                "scanDatetime": scan.at,
                "scanEventCode": scan.code,
                "scanFacilityName": "TEST",
                "feed": scan.feed,
            });
            if let Some(signer) = scan.signer {
                event["signedBy"] = Value::from(signer);
            }
            match scan.feed {
                Feed::ProductTracking => event["pic"] = Value::from(piece.article.as_str()),
                _ => event["imbTrackingCode"] = Value::from(piece.code.as_str()),
            }
            let body = json!({ "events": [event] }).to_string().into_bytes();
            let key = format!("{TEST_FILES}{}/{}-{}.json", batch.id, piece.code, scan.at.as_millisecond());
            self.put_object(&self.config.scans_bucket, &key, body, "application/json").await?;
            self.announce_in(scan.after, &ScanFiles::ours(&key, 1, now)).await?;
        }
        Ok(())
    }

    /// Keeps the answer to a request whose work does no harm when it is done again.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn keep_answer(&self, completion: Option<Completion<'_>>) -> Result<(), StoreError> {
        let mut keep = Transaction::default();
        if keep.complete(&self.config.table, completion)?.is_some() {
            // Refused: somebody else has taken over the claim, and answers the same.
            drop(self.commit(keep).await?);
        }
        Ok(())
    }
}
