//! The pure rules of a mailhouse. Nothing here reads a clock, a network or a disk: time and random bytes are
//! arguments.
//!
//! # Glossary
//! One word per concept, the same in code, API and documents.
//!
//! | word | meaning |
//! |---|---|
//! | account | a client of the mailhouse: owns batches, keys and registered document locations |
//! | batch | letters with a common mail class, paper, return address and target mail date |
//! | letter | one document for one address; its *reference* is unique in its batch |
//! | addition | one request's letters on their way into a batch: all of them get in, or none |
//! | single | a letter or postcard that its client sends by itself; when its send date has come it is *released*: it becomes a letter of a batch that the house makes of singles |
//! | mailing | the singles of one request with several recipients: all of them are there, or none |
//! | party | who sends or gets a single: a person, an organization, or both |
//! | duplicate | a single with the document and recipient of another that the account created within a week; the *guard* refuses it unless its client allows it |
//! | finish | how pieces are made: colour, sides, where the address is, envelopes; or that they are cards |
//! | card | a piece without an envelope, its *front* the first page of its document, its *back* the second with the address; to its client a *postcard* |
//! | press sheet | what cards are printed on, several side by side in *places*, before they are cut |
//! | document | the PDF of a letter; *source* is where the client has it, the *copy* is ours, by content hash |
//! | upload | a document, or an image for HTML, that a client puts into our bucket by itself, before any letter names it |
//! | template | HTML with variables in it, kept under an id; each change is a *version*, which never changes |
//! | content | what a single is made of: a document in one of several ways, or HTML or a template with variables |
//! | variable | what a template leaves open, and a letter fills in by its name |
//! | preview | a template rendered with variables, to look at |
//! | impression | one printed side; a *sheet* has two |
//! | inspection | deciding whether a document may be printed |
//! | preflight | what creating a single and inspecting its document would find, with nothing created; an *overlay* is the document with that drawn on it |
//! | proof | a picture of a piece as it will be printed |
//! | issue | why a letter cannot be printed now, and what a person can do about it |
//! | mail job | batches that are printed and mailed together |
//! | part | a few hundred pieces of a mail job: one print file |
//! | mail piece | a letter in a mail job: cover sheet, document, tracking code |
//! | tracking code | the 20 digits of an Intelligent Mail barcode that name a piece: barcode id, service type, Mailer ID, serial |
//! | scan | a report of where a mail piece was seen; a *feed* brings scans, an *orphan* is one of a piece that nobody knows |
//! | scan file | scans as its *writer* sent them, dropped in the bucket or pushed; a *reject* is a record of it that is not taken |
//! | outcome | how the life of a test letter ends, which its scans tell |
//! | run | one reading of a scan file; the operator may have it read again |
//! | postal state | where a mailed piece is on its way, in the contract's words |
//! | article number | the 22 digits that name a certified piece: channel, service type, Mailer ID, serial, check digit |
//! | event | the record of one state change, written with it; its *entries* are letters that the same happened to |
//! | log | the events of an account and mode in one order, each with its number; a *stretch* of it was numbered together |
//! | news | a state change as its client is told of it: an event of the log, or an entry of one |
//! | recipient | to whom a letter goes, as who asks for it is told with news of the letter |
//! | signature | who signed for a certified piece, and where the postal service has the image |
//! | callback | where an account's news is pushed every few hours; a *push* is a page of it |
//! | webhook | a URL of a client that is told of news; a *delivery* tells one webhook of one piece of news, by one or more *attempts* |
//! | lane | which of two queues a delivery waits on: that of prompt webhooks, or that of those that were slow or failed |
//! | production day | a day on which mail is made; the other days are closed: weekends, holidays, *closures* of this house |
//! | cutoff | the moment of a production day until which its mail can be given or taken back |
//! | send date | the production day on which a piece is made |
//! | limit | how many requests an account may make in a mode: a *quota* in each *window* of time |
//! | mode | live, or test: test data never reaches the print floor |

pub mod account;
pub mod address;
pub mod article_number;
pub mod batch;
pub mod calendar;
pub mod callback;
pub mod document;
pub mod event;
pub mod fault;
pub mod finish;
pub mod id;
pub mod job;
pub mod letter;
pub mod limit;
pub mod location;
pub mod single;
pub mod template;
pub mod tracking;
pub mod tracking_code;
pub mod webhook;
