//! Programs made by hand, and a host that answers from a script.
#![allow(dead_code)]

pub mod mock;

use cascade_ir::*;

/// Builds a program around one cascade, `main`, whose body is made of the helpers below.
pub struct Make {
    pub program: Program,
}

impl Make {
    pub fn new() -> Self {
        Self { program: Program { files: vec!["test.cascade".into()], ..Program::empty("test.cascade") } }
    }

    pub fn skill(&mut self, name: &str, params: u32, effect: Effect, output: Type) -> SkillId {
        let params = (0..params).map(|i| param(&format!("p{i}"), Type::Json, i)).collect::<Vec<_>>();
        self.program.skills.push(Skill {
            name: name.into(),
            doc: String::new(),
            place: place(10),
            slots: params.len() as u32 + 2,
            params,
            result: output.clone(),
            effect,
            output,
            map: None,
            exit_code: None,
            stderr: None,
            changed: None,
            diff: None,
            needs: Vec::new(),
            once: false,
        });
        SkillId(self.program.skills.len() as u32 - 1)
    }

    /// A skill that runs `name` with its first parameter; its output is read in this format.
    pub fn command(&mut self, name: &str, format: OutputFormat, output: Type) -> SkillId {
        let words = vec![word(name), Word { parts: vec![WordPart::Hole(slot(0), None)] }];
        self.run_skill(name, CommandTemplate::Direct(words), format, output)
    }

    pub fn run_skill(&mut self, name: &str, command: CommandTemplate, format: OutputFormat, output: Type) -> SkillId {
        let run = Run {
            command: Expr::Command(Box::new(command)),
            cwd: None,
            env: Vec::new(),
            stdin: None,
            exit: Vec::new(),
            format,
            files: None,
        };
        self.skill(name, 1, Effect::Run(Box::new(run)), output)
    }

    pub fn prompt(&mut self, name: &str, text: &str, output: Type) -> SkillId {
        let prompt = Prompt {
            prompt: Template { parts: vec![TextPart::Text(text.into())] },
            system: None,
            temperature: None,
            max_tokens: None,
            attach: Vec::new(),
            tools: Vec::new(),
        };
        self.skill(name, 1, Effect::Prompt(Box::new(prompt)), output)
    }

    pub fn model(&mut self, name: &str, provider: &str) -> ModelId {
        self.program.models.push(Model {
            name: name.into(),
            provider: provider.into(),
            id: format!("{name}-id"),
            base_url: None,
            key_env: None,
            context: None,
            max_output: None,
            provides: Vec::new(),
            price_input: Some(3_000_000),
            price_output: Some(15_000_000),
            price_cache_read: None,
            price_cache_write: None,
            command: None,
            prefers: Rendering::Json,
        });
        ModelId(self.program.models.len() as u32 - 1)
    }

    pub fn cascade(&mut self, name: &str, params: u32, slots: u32, stmts: Vec<Stmt>) -> CascadeId {
        self.program.cascades.push(Cascade {
            name: name.into(),
            doc: String::new(),
            place: place(1),
            params: (0..params).map(|i| param(&format!("p{i}"), Type::Json, i)).collect(),
            result: Type::Json,
            slots,
            clauses: Clauses::default(),
            body: block(stmts),
            on_success: None,
            on_failure: None,
            on_cancel: None,
            attributes: Vec::new(),
            remote_memories: Vec::new(),
        });
        let id = CascadeId(self.program.cascades.len() as u32 - 1);
        self.program.entries.push(id);
        id
    }

    pub fn last(&mut self) -> &mut Cascade {
        self.program.cascades.last_mut().unwrap()
    }

    pub fn main(mut self, slots: u32, stmts: Vec<Stmt>) -> Program {
        self.cascade("main", 0, slots, stmts);
        self.program
    }
}

/// The entry: the cascade that was made last.
pub fn entry(program: &Program) -> CascadeId {
    CascadeId(program.cascades.len() as u32 - 1)
}

pub fn param(name: &str, ty: Type, slot: u32) -> Param {
    Param { name: name.into(), ty, doc: String::new(), default: None, slot: Slot(slot) }
}

pub fn place(line: u32) -> Place {
    Place { file: 0, line, column: 1 }
}

pub fn block(stmts: Vec<Stmt>) -> Block {
    Block { id: NodeId::default(), stmts, value: None, pure_: false, place: place(1) }
}

pub fn valued(stmts: Vec<Stmt>, value: Expr) -> Block {
    Block { id: NodeId::default(), stmts, value: Some(value), pure_: false, place: place(1) }
}

pub fn pure_block(stmts: Vec<Stmt>, value: Expr) -> Block {
    Block { id: NodeId::default(), stmts, value: Some(value), pure_: true, place: place(1) }
}

pub fn slot(n: u32) -> Expr {
    Expr::Slot(Slot(n))
}

pub fn int(n: i64) -> Expr {
    Expr::Const(Const::Int(n))
}

pub fn text(s: &str) -> Expr {
    Expr::Const(Const::Str(s.into()))
}

pub fn ms(n: i64) -> Expr {
    Expr::Const(Const::Duration(n))
}

pub fn usd(micro: i64) -> Expr {
    Expr::Const(Const::Money(micro))
}

pub fn flag(b: bool) -> Expr {
    Expr::Const(Const::Bool(b))
}

pub fn list(items: Vec<Expr>) -> Expr {
    Expr::List(items)
}

pub fn record(fields: &[(&str, Expr)]) -> Expr {
    Expr::Record(fields.iter().map(|(n, e)| ((*n).into(), e.clone())).collect())
}

pub fn add(a: Expr, b: Expr) -> Expr {
    Expr::Binary(BinaryOp::Add, Box::new(a), Box::new(b), place(5))
}

pub fn binary(op: BinaryOp, a: Expr, b: Expr) -> Expr {
    Expr::Binary(op, Box::new(a), Box::new(b), place(5))
}

pub fn call(builtin: Builtin, args: Vec<Expr>) -> Expr {
    Expr::Builtin(builtin, args, place(6))
}

pub fn range(n: i64) -> Expr {
    call(Builtin::Range, vec![int(n)])
}

pub fn field(base: Expr, name: &str) -> Expr {
    Expr::Field(Box::new(base), name.into())
}

pub fn word(text: &str) -> Word {
    Word { parts: vec![WordPart::Text(text.into())] }
}

pub fn set(n: u32, value: Expr) -> Stmt {
    Stmt::Set(Slot(n), value)
}

pub fn ret(value: Expr) -> Stmt {
    Stmt::Return(value)
}

pub fn stage(name: &str, n: u32, work: Work) -> Stmt {
    stage_with(name, n, work, Clauses::default())
}

pub fn stage_with(name: &str, n: u32, work: Work, clauses: Clauses) -> Stmt {
    Stmt::Stage(Box::new(Stage {
        id: NodeId::default(),
        name: name.into(),
        doc: String::new(),
        slot: Slot(n),
        work,
        clauses,
        once: false,
        place: place(20 + n),
    }))
}

pub fn on_error(kinds: &[ErrorKind], action: ErrorAction) -> OnError {
    OnError { id: NodeId::default(), kinds: kinds.to_vec(), binding: None, action, place: place(30) }
}

pub fn retry(count: i64) -> Option<Retry> {
    Some(Retry { count: int(count), backoff: Some((ms(100), ms(1_000))) })
}

pub fn for_each(name: &str, item: u32, items: Expr, body: Block) -> Work {
    Work::For(Box::new(For {
        name: name.into(),
        item: Slot(item),
        list: items,
        parallel: false,
        max: None,
        body,
        place: place(40),
    }))
}

pub fn for_parallel(name: &str, item: u32, items: Expr, max: Option<i64>, body: Block) -> Work {
    Work::For(Box::new(For {
        name: name.into(),
        item: Slot(item),
        list: items,
        parallel: true,
        max: max.map(int),
        body,
        place: place(40),
    }))
}

/// Branches: name, slot, work, clauses, those that must be done before.
pub fn parallel(max: Option<i64>, branches: Vec<(&str, u32, Work, Clauses, Vec<u32>)>) -> Work {
    let value = branches.iter().map(|(name, n, ..)| (*name, slot(*n))).collect::<Vec<_>>();
    let value = record(&value);
    Work::Parallel(Box::new(Parallel {
        first: false,
        swarm: None,
        max: max.map(int),
        branches: branches
            .into_iter()
            .map(|(name, n, work, clauses, after)| Branch {
                stmt: stage_with(name, n, work, clauses),
                slot: Slot(n),
                after,
            })
            .collect(),
        value,
        place: place(41),
    }))
}
