//! How the stories of the matrix go.

use crate::plan::Story;
use crate::world::World;

/// Beyond the first look-up of each provider, in seconds.
const FIRST_LOOK_UP_S: u64 = 1000;
/// Beyond the end of what nobody pays, and what the hub then waits for news, in seconds.
const BEYOND_THE_END_S: u64 = 2700;
/// Beyond the day for which ETpay is asked after that.
const BEYOND_ASKING_S: u64 = 26 * 3600;

impl Story {
    /// Plays it, until the merchant was told of `status`.
    pub async fn play(self, world: &World, status: &str) {
        match self {
            Story::Abandoned => world.order_once().await,
            Story::AbandonedAndPaid => {
                world.order_once().await;
                // The hub learns by its own clock that it never heard of what it asked for.
                world.until_dead(2).await;
                world.pay(&serde_json::Value::Null, status).await;
            }
            Story::Cancelled => {
                let payment = world.order().await;
                world.cancel(&payment).await;
            }
            Story::CardTakenAway => {
                let card = world.enrol().await;
                world.order_with(&card).await;
                world.until_removed(&card).await;
            }
            Story::GivenBack => {
                let payment = world.order().await;
                world.pay(&payment, "approved").await;
                world.give_back(&payment).await;
            }
            Story::Returned => {
                world.order_in_parts().await;
                world.let_pass(BEYOND_THE_END_S).await;
            }
            Story::Expired | Story::ExpiredInSilence => {
                if self == Story::ExpiredInSilence {
                    world.silence_look_ups();
                    world.lose_notices();
                }
                world.order().await;
                world.let_pass(BEYOND_THE_END_S).await;
            }
            Story::Paid | Story::PaidAfterADeath => {
                let payment = world.order().await;
                world.pay(&payment, status).await;
            }
            Story::PaidAfterARotation => {
                world.rotate_secret().await;
                let payment = world.order().await;
                world.pay(&payment, status).await;
            }
            Story::PaidAfterALostAnswer => {
                world.lose_the_next_creation();
                let payment = world.order().await;
                world.pay(&payment, status).await;
            }
            Story::FoundByAsking
            | Story::FoundWithANewToken
            | Story::FoundAfterNoToken
            | Story::FoundAfterARevocation => self.find_by_asking(world, status).await,
            Story::GivenUp => {
                world.lose_notices();
                world.silence_look_ups();
                let payment = world.order().await;
                world.pay(&payment, status).await;
                world.let_pass(BEYOND_ASKING_S).await;
                world.until_dead(1).await;
                world.tell_at_last(&payment);
            }
        }
        world.until_told(status).await;
    }

    async fn find_by_asking(self, world: &World, status: &str) {
        if matches!(self, Story::FoundWithANewToken | Story::FoundAfterNoToken) {
            world.shorten_tokens();
        }
        world.lose_notices();
        let payment = world.order().await;
        world.pay(&payment, status).await;
        match self {
            Story::FoundAfterNoToken => world.refuse_the_next_token(),
            Story::FoundAfterARevocation => world.revoke_tokens(),
            _ => {}
        }
        world.let_pass(FIRST_LOOK_UP_S).await;
    }
}
