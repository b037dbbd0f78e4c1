// A user's program with the AWS SDK for JavaScript v3. Prints its results as one JSON document.
//
// Usage: javascript_client.mjs TASK IMAGE

import { createReadStream, writeFileSync } from "node:fs";
import {
  CloudWatchClient,
  GetMetricDataCommand,
  GetMetricStatisticsCommand,
  PutMetricDataCommand,
} from "@aws-sdk/client-cloudwatch";
import { GetObjectCommand, CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import {
  CreateProcessingJobCommand,
  DescribeProcessingJobCommand,
  ListTrainingJobsCommand,
  SageMakerClient,
  StopProcessingJobCommand,
  paginateListProcessingJobs,
  waitUntilProcessingJobCompletedOrStopped,
} from "@aws-sdk/client-sagemaker";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";

const [task, image] = process.argv.slice(2);
const sagemaker = new SageMakerClient({});

const create = (name, ...command) =>
  sagemaker.send(
    new CreateProcessingJobCommand({
      ProcessingJobName: name,
      RoleArn: "arn:aws:iam::000000000000:role/any",
      AppSpecification: { ImageUri: image, ContainerEntrypoint: command },
      ProcessingResources: {
        ClusterConfig: { InstanceType: "ml.t3.medium", InstanceCount: 1, VolumeSizeInGB: 1 },
      },
    }),
  );

const describe = (name) => sagemaker.send(new DescribeProcessingJobCommand({ ProcessingJobName: name }));

const waitFor = (name) =>
  waitUntilProcessingJobCompletedOrStopped(
    { client: sagemaker, maxWaitTime: 90, minDelay: 1, maxDelay: 2 },
    { ProcessingJobName: name },
  );

const failureOf = async (call) => {
  try {
    await call();
    return null;
  } catch (error) {
    return error;
  }
};

const tasks = {
  async wait() {
    const created = await create("js-good", "true");
    const ended = await waitFor("js-good");
    const job = await describe("js-good");
    await create("js-bad", "sh", "-c", "exit 7");
    const failure = await failureOf(() => waitFor("js-bad"));
    return {
      arn: created.ProcessingJobArn,
      state: ended.state,
      status: job.ProcessingJobStatus,
      took: job.ProcessingEndTime - job.CreationTime > 0,
      bad: failure.name + ": " + (await describe("js-bad")).FailureReason,
    };
  },
  async metrics() {
    const cloudwatch = new CloudWatchClient({});
    const put = { MetricName: "loss", Values: [0.5, 1.5], Counts: [1, 3] };
    await cloudwatch.send(new PutMetricDataCommand({ Namespace: "js", MetricData: [put] }));
    const burn = "import itertools, time; end = time.time() + 3; any(time.time() > end for _ in itertools.count())";
    await create("js-busy", "python3", "-c", burn);
    await waitFor("js-busy");
    const stat = { Metric: { Namespace: "js", MetricName: "loss" }, Period: 60, Stat: "Average" };
    const search = `SEARCH('{/aws/sagemaker/ProcessingJobs,Host} Host="js-busy/algo-1"', 'Maximum', 300)`;
    const data = await cloudwatch.send(
      new GetMetricDataCommand({
        MetricDataQueries: [
          { Id: "loss", MetricStat: stat },
          { Id: "job", Expression: search },
        ],
        StartTime: new Date(Date.now() - 600_000),
        EndTime: new Date(Date.now() + 60_000),
      }),
    );
    const failure = await failureOf(() =>
      cloudwatch.send(
        new GetMetricStatisticsCommand({
          Namespace: "js",
          MetricName: "loss",
          StartTime: new Date(0),
          EndTime: new Date(),
          Period: 61,
          Statistics: ["Sum"],
        }),
      ),
    );
    return {
      labels: data.MetricDataResults.map((each) => [each.Id, each.Label, each.StatusCode]),
      values: data.MetricDataResults.map((each) => Math.max(...each.Values)),
      dated: data.MetricDataResults.every((each) => each.Timestamps.every((at) => at instanceof Date)),
      refused: failure.name,
    };
  },
  async stop() {
    await create("js-stopped", "sleep", "600");
    await sagemaker.send(new StopProcessingJobCommand({ ProcessingJobName: "js-stopped" }));
    await waitFor("js-stopped");
    return (await describe("js-stopped")).ProcessingJobStatus;
  },
  async pages() {
    const names = ["js-paged-0", "js-paged-1", "js-paged-2", "js-paged-3", "js-paged-4"];
    for (const name of names) await create(name, "true");
    const pages = [];
    const query = { NameContains: "js-paged-", SortBy: "Name", SortOrder: "Ascending" };
    for await (const page of paginateListProcessingJobs({ client: sagemaker, pageSize: 2 }, query)) {
      pages.push(page.ProcessingJobSummaries.map((job) => job.ProcessingJobName));
    }
    for (const name of names) await waitFor(name);
    return pages;
  },
  async refusals() {
    await create("js-used", "true");
    const failures = [
      await failureOf(() => create("JS-Used", "true")),
      await failureOf(() => describe("js-nowhere")),
      await failureOf(() => sagemaker.send(new ListTrainingJobsCommand({}))),
    ];
    await waitFor("js-used");
    return failures.map((error) => [error.constructor.name, error.name, error.$metadata.httpStatusCode]);
  },
  async objects() {
    const s3 = new S3Client({});
    const place = { Bucket: "js-objects", Key: "folder/a b+ü.txt" };
    await s3.send(new CreateBucketCommand({ Bucket: place.Bucket }));
    await s3.send(new PutObjectCommand({ ...place, Body: "small" }));
    const small = await (await s3.send(new GetObjectCommand(place))).Body.transformToString();
    writeFileSync("large", Buffer.alloc(9 * 1024 * 1024, "abcdefgh"));
    await s3.send(new PutObjectCommand({ ...place, Key: "large", Body: createReadStream("large") }));
    const range = { ...place, Key: "large", Range: "bytes=8388608-8388615" };
    const part = await (await s3.send(new GetObjectCommand(range))).Body.transformToString();
    const failure = await failureOf(() => s3.send(new GetObjectCommand({ ...place, Key: "none" })));
    return { small, part, none: failure.constructor.name };
  },
  async identity() {
    const { Account, Arn } = await new STSClient({}).send(new GetCallerIdentityCommand({}));
    return { Account, Arn };
  },
};

console.log(JSON.stringify(await tasks[task]()));
