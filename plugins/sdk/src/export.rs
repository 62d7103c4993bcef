//! From a type that implements [`Plugin`](crate::Plugin) to a component.

/// Makes a component of a plugin: `export!(Mine);`, or with what else it implements, `export!(Mine, health, inventory);`.
///
/// On other targets than WebAssembly it makes nothing, so that the same crate can be tested where it is built.
#[macro_export]
macro_rules! export {
    ($plugin:ty $(, $optional:ident)* $(,)?) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type Exported = $crate::Adapter<$plugin>;
            $crate::bindings::export!(Exported with_types_in $crate::bindings);
            $($crate::export!(@ $optional);)*
        };
        // Elsewhere only its tests call it, and it is in use all the same.
        #[cfg(not(target_arch = "wasm32"))]
        const _: std::marker::PhantomData<$plugin> = std::marker::PhantomData;
    };
    (@ health) => {
        $crate::bindings::with_health::export!(Exported with_types_in $crate::bindings::with_health);
    };
    (@ inventory) => {
        $crate::bindings::with_inventory::export!(Exported with_types_in $crate::bindings::with_inventory);
    };
}
