//! The planner: from a look and the answers so far to a plan, questions, and what the others wait for.

#[path = "planner/answering.rs"]
mod answering;
#[path = "planner/choosing.rs"]
mod choosing;
#[path = "planner/keeping.rs"]
mod keeping;
#[path = "planner/making_room.rs"]
mod making_room;
#[path = "planner/owning.rs"]
mod owning;
#[path = "planner/pool.rs"]
mod pool;
#[path = "planner/recording.rs"]
mod recording;
#[path = "planner/serving.rs"]
mod serving;
#[path = "planner/together.rs"]
mod together;
