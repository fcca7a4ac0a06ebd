//! The pages of a source's listing, with the keys left out that nobody wants, and where keys carry their
//! time, several stretches at once.
//!
//! Pages come in the order of a plain listing and hold what it would, whatever is listed beside dated
//! keys: stretches lie end to end. Of stretches that several tasks list, each holds [`PAGES`] pages at most
//! until it is its turn. All of this needs an order; where a listing turns out to have none,
//! it is begun anew and nothing is left out.

use std::collections::VecDeque;
use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

use crate::pipeline::at_once;
use crate::plan::{Horizons, Lengths, Order, cuts, is_behind};
use crate::store::{ObjectMeta, Result, Store};
use crate::units::Day;

use super::Source;

/// Pages of a stretch that are listed before it is its turn. With [`STRETCHES`], a bound of what is held:
/// about 8 MiB with keys of 100 bytes.
const PAGES: u32 = 4;

/// Stretches that are listed at the same time.
const STRETCHES: usize = 8;

/// Pages after which a listing is long enough to be cut where nobody knows its end. Behind the end, a
/// stretch costs a request.
const LONG: u32 = 8;

/// A page, without the keys that belong to the next stretch.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) objects: Vec<ObjectMeta>,
    /// What keys begin with of which those from before a day come next and were left out.
    pub(super) left_out: Option<(String, Day)>,
    /// The listing begins anew with the next page: all before counts for nothing.
    pub(super) anew: bool,
}

/// A listing under way.
pub(super) struct Walk<'a> {
    source: &'a Source,
    horizons: &'a Horizons,
    order: Order,
    /// Whether keys may be left out and the rest be cut.
    may_bend: bool,
    bent: bool,
    now: Stretch<'a>,
    /// The stretches behind this one.
    then: Option<BoxStream<'a, Result<Stretch<'a>>>>,
    /// Pages since the listing was last cut.
    pages: u32,
    /// Keys on the largest page so far: one that has fewer is the last.
    full: usize,
    most: usize,
}

/// A part of a listing.
struct Stretch<'a> {
    /// Pages that are there already.
    pages: VecDeque<Vec<ObjectMeta>>,
    rest: Option<BoxStream<'a, Result<Vec<ObjectMeta>>>>,
    /// What stands behind this is the next stretch's.
    until: Option<String>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(source: &'a Source, horizons: &'a Horizons) -> Self {
        Self {
            source,
            horizons,
            order: Order::default(),
            may_bend: source.store.lists_from(),
            bent: false,
            now: Stretch::from(source, None),
            then: None,
            pages: 0,
            full: 0,
            most: 2,
        }
    }

    /// The pages to come.
    pub(super) fn pages(self) -> BoxStream<'a, Result<Page>> {
        stream::try_unfold(self, async |mut walk| {
            let page = walk.next().await?;
            Ok(page.map(|page| (page, walk)))
        })
        .boxed()
    }

    async fn next(&mut self) -> Result<Option<Page>> {
        let mut objects = loop {
            if let Some(objects) = self.now.next().await? {
                break objects;
            }
            let next = match &mut self.then {
                Some(then) => then.try_next().await?,
                None => None,
            };
            match next {
                Some(stretch) => self.now = stretch,
                None => return Ok(None),
            }
        };
        let ended = self.trim(&mut objects);
        if self.may_bend && !self.order.holds() {
            self.may_bend = false;
            if self.bent {
                self.now = Stretch::from(self.source, None);
                self.then = None;
                return Ok(Some(Page {
                    anew: true,
                    ..Page::default()
                }));
            }
        }
        self.pages += 1;
        let mut left_out = None;
        if ended {
            self.now = Stretch::empty();
        } else if self.now.until.is_none() && self.may_bend {
            left_out = self.bend(&objects);
        }
        Ok(Some(Page {
            objects,
            left_out,
            anew: false,
        }))
    }

    /// Takes away what belongs to the next stretch, and tells whether there is any.
    fn trim(&mut self, objects: &mut Vec<ObjectMeta>) -> bool {
        for (at, object) in objects.iter().enumerate() {
            if let Some(until) = &self.now.until
                && self.order.is_beyond(&object.key, until)
            {
                objects.truncate(at);
                return true;
            }
            self.order.see(&object.key);
        }
        false
    }

    /// Goes on behind keys that are not wanted, or with several stretches.
    fn bend(&mut self, page: &[ObjectMeta]) -> Option<(String, Day)> {
        let last = page.last()?;
        if let Some(jump) = self.horizons.jump(&last.key) {
            self.bent = true;
            self.now = Stretch::from(self.source, Some(&jump.behind));
            return jump.before.map(|before| (jump.head, before));
        }
        let until = self.horizons.until();
        self.full = self.full.max(page.len());
        if page.len() < self.full || (until.is_none() && self.pages < LONG) {
            return None;
        }
        let lengths = Lengths {
            pages: PAGES,
            most: self.most,
            until,
        };
        let mut begins = vec![last.key.clone()];
        begins.extend(cuts(page, lengths));
        // A prefix that ends within a time has keys of no other.
        let prefix = self.source.prefix.as_str();
        if begins.len() > 1 && begins.iter().all(|begin| begin.starts_with(prefix)) {
            self.cut(begins);
        }
        None
    }

    fn cut(&mut self, begins: Vec<String>) {
        let ends = begins.iter().skip(1).cloned().map(Some);
        let ends: Vec<Option<String>> = ends.chain([None]).collect();
        let (store, prefix) = (Arc::clone(&self.source.store), self.source.prefix.clone());
        let begun = begins
            .into_iter()
            .zip(ends)
            .map(move |(after, until)| begin(Arc::clone(&store), prefix.clone(), after, until));
        let source = self.source;
        let stretches = at_once(stream::iter(begun), STRETCHES).map_ok(|begun| begun.go_on(source));
        self.then = Some(stretches.boxed());
        self.now = Stretch::empty();
        self.bent = true;
        self.pages = 0;
        self.most = (2 * self.most).min(2 * STRETCHES);
    }
}

impl<'a> Stretch<'a> {
    /// All behind a key.
    fn from(source: &'a Source, after: Option<&str>) -> Self {
        Self {
            rest: Some(source.store.list(&source.prefix, after)),
            ..Self::empty()
        }
    }

    fn empty() -> Self {
        Self {
            pages: VecDeque::new(),
            rest: None,
            until: None,
        }
    }

    async fn next(&mut self) -> Result<Option<Vec<ObjectMeta>>> {
        if let Some(page) = self.pages.pop_front() {
            return Ok(Some(page));
        }
        match &mut self.rest {
            Some(rest) => rest.try_next().await,
            None => Ok(None),
        }
    }
}

/// The beginning of a stretch.
struct Begun {
    pages: VecDeque<Vec<ObjectMeta>>,
    until: Option<String>,
    /// Behind which key it goes on, if it does.
    more: Option<String>,
}

impl Begun {
    fn go_on(self, source: &Source) -> Stretch<'_> {
        let rest = self.more.as_deref();
        Stretch {
            rest: rest.map(|after| source.store.list(&source.prefix, Some(after))),
            pages: self.pages,
            until: self.until,
        }
    }
}

async fn begin(
    store: Arc<dyn Store>,
    prefix: String,
    after: String,
    until: Option<String>,
) -> Result<Begun> {
    let mut listing = store.list(&prefix, Some(&after));
    let (mut pages, mut more) = (VecDeque::new(), None);
    while let Some(page) = listing.try_next().await? {
        let last = page.last().map(|object| object.key.clone());
        pages.push_back(page);
        let over = last.as_deref().zip(until.as_deref());
        if over.is_some_and(|(last, until)| is_behind(last, until)) {
            more = None;
            break;
        }
        if pages.len() >= PAGES as usize {
            more = last;
            break;
        }
    }
    Ok(Begun { pages, until, more })
}

#[cfg(test)]
mod tests;
