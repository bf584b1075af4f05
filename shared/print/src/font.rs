//! The one embedded font: its metrics, and its objects in a PDF.
