//! What a guest may call of `files`: small files, written and read.

use crate::bindings::{commands, files, types};
use crate::call::Call;
use crate::imports::error;

impl files::Host for Call {
    async fn put(
        &mut self,
        on: types::Access,
        path: String,
        content: Vec<u8>,
        mode: u32,
    ) -> wasmtime::Result<Result<(), commands::Error>> {
        let (on, left) = match self.reach(on, "write a file").await {
            Ok(reached) => reached,
            Err(why) => return Ok(Err(why)),
        };
        Ok(self.runner.put_file(&on, &path, content, mode, left).await.map_err(error))
    }

    async fn get(
        &mut self,
        on: types::Access,
        path: String,
        limit: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, commands::Error>> {
        let (on, left) = match self.reach(on, "read a file").await {
            Ok(reached) => reached,
            Err(why) => return Ok(Err(why)),
        };
        Ok(self.runner.get_file(&on, &path, limit as usize, left).await.map_err(error))
    }
}
