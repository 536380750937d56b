//! Queries that are answered by a notice (PROTOCOL.md 6). CA-U19: they carry no credentials.

use simulation::{Reply, Request, World};

use crate::CaratEsitef;

/// What is answered when the identifier is right.
const FOUND: &str = "OK";
/// CA-U18: what is answered otherwise, with the same HTTP status.
const NOT_FOUND: &str = "NOK";

impl CaratEsitef {
    /// Repeats the status notice of a payment. It tells what the portal knows and asks no acquirer.
    pub(super) fn query_status(&mut self, nit: &str, world: &mut dyn World) -> Reply {
        let merchant =
            self.transactions.get(nit).and_then(|transaction| self.merchant(&transaction.merchant)).cloned();
        world.verdict("status_query_known", merchant.is_some(), "the nit of a status query");
        let Some(merchant) = merchant else { return text(NOT_FOUND) };
        self.tell_status(nit, &merchant, merchant.settings.query_delay_s, world);
        text(FOUND)
    }

    /// Repeats the storage notice of a storage transaction. CA-U40: while it is open there is nothing to repeat.
    pub(super) fn query_storage(&mut self, nita: &str, request: &Request, world: &mut dyn World) -> Reply {
        world.verdict(
            "storage_query_without_body",
            request.body.is_empty(),
            &format!("{} bytes of body", request.body.len()),
        );
        let merchant = self.storages.get(nita).and_then(|storage| self.merchant(&storage.merchant)).cloned();
        world.verdict("storage_query_known", merchant.is_some(), "the nita of a storage query");
        let Some(merchant) = merchant else { return text(NOT_FOUND) };
        self.tell_storage(Some(nita), &merchant, merchant.settings.query_delay_s, world);
        text(FOUND)
    }
}

fn text(body: &str) -> Reply {
    Reply::with_type(200, "text/plain; charset=utf-8", body.as_bytes().to_vec())
}
